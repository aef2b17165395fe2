"""A worker without Ollama: claims real jobs, writes real frames, commits real ends.

Prompts choose what happens: `fail` fails, `restart` begins again in mid-answer, `long`
answers at length; everything else is echoed word by word.
"""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import orjson

from backend.core.db import Database
from backend.core.identifiers import uuid7
from backend.core.jobs.records import AttemptRecord, Claimed, Finish, Handback
from backend.core.jobs.repository.claim import Holder, JobClaim
from backend.core.jobs.repository.finish import JobFinish
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.states import NODE_WORK, ErrorCode, Kind, State
from backend.core.limits.reservations import Reservations, Settlement, tokens_of
from backend.core.redis_client import KeptConnection, KeptConnections, connect
from backend.core.settings import Settings
from backend.core.streams.flusher import Flusher, JobStream
from backend.core.streams.frames import end_data, state_data

Json = dict[str, Any]
FAILURE = {
    "code": "upstream_error",
    "message": "The fake worker was told to fail.",
    "attempts": 1,
    "retryable": False,
    "advice": "Ask for something else.",
}


class FakeWorker:
    """Answers the jobs of some lanes until it is stopped."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        lanes: tuple[str, ...],
        token_seconds: float = 0.0,
        threads: int = 4,
    ) -> None:
        self._database = database
        self._lanes = lanes
        self._pause = token_seconds
        self._threads_wanted = threads
        self._claim = JobClaim(
            database, Holder(uuid7(), "fake", settings.node_id), lease_ms=60_000
        )
        self._finish = JobFinish(database)
        self._transition = JobTransition(database, max_failures=3, queue_ms=60_000)
        client = connect(settings.redis_url.get_secret_value(), timeout_seconds=5)
        self._kept, self._flushed = KeptConnections(client), KeptConnection(client)
        self._reservations = Reservations(self._kept)
        self._flusher = Flusher(
            self._flushed, interval_ms=5, lifetime_ms=settings.stream_lifetime
        )
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self.answered: list[str] = []

    def __enter__(self) -> Self:
        work: list[Callable[[], None]] = [self._flusher.run]
        work += [self._run] * self._threads_wanted
        self._threads = [threading.Thread(target=one, daemon=True) for one in work]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._flusher.stop()
        for thread in self._threads:
            thread.join(10)
        self._kept.close()
        self._flushed.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            if not any(map(self._answer_next, self._lanes)):
                self._stopped.wait(0.01)

    def _answer_next(self, lane: str) -> bool:
        claimed = self._claim.take(self._claim.look(lane, 1))
        for job in claimed:
            self._answer(job)
        return bool(claimed)

    def _answer(self, job: Claimed) -> None:
        stream = JobStream(job.id, job.attempt)
        self._flusher.announce_state(stream, _running(job))
        if job.attempt > 1:
            data = orjson.dumps({"attempt": job.attempt, "reason": "restarted"})
            self._flusher.restart(stream, data)
        request = orjson.loads(job.request)
        if job.kind in NODE_WORK:
            self._end(job, stream, {"status": "success"})
            return
        if job.kind is Kind.EMBED:
            texts = request["input"]
            count = 1 if isinstance(texts, str) else len(texts)
            self._end(job, stream, {"embeddings": [[0.5, 0.25]] * count})
            return
        prompt = _prompt(request)
        for number, word in enumerate(_words(prompt)):
            if self._gone(job):
                return
            if "restart" in prompt and job.attempt == 1 and number == 2:
                self._hand_back(job)
                return
            self._flusher.add(stream, word)
            if self._pause:
                time.sleep(self._pause)
        self._settle(job, stream, prompt)

    def _settle(self, job: Claimed, stream: JobStream, prompt: str) -> None:
        if "fail" in prompt:
            self._end(job, stream, None)
        elif job.kind is Kind.CHAT:
            message = {"role": "assistant", "content": stream.text.text}
            self._end(job, stream, {"message": message, "done_reason": "stop"})
        else:
            self._end(job, stream, {"text": stream.text.text, "done_reason": "stop"})

    def _gone(self, job: Claimed) -> bool:
        (row,) = self._transition.standing([job.id])
        if row[3]:
            self._commit(job, State.CANCELLED, JobStream(job.id, job.attempt), None)
        return row[3] or (row[1], row[2]) != (job.attempt, State.RUNNING)

    def _hand_back(self, job: Claimed) -> None:
        self._transition.hand_back(
            Handback(
                id=job.id,
                attempt=job.attempt,
                failures=job.failures,
                costs=0,
                delay_ms=0,
                reason=ErrorCode.WORKER_LOST,
                error="{}",
                record=AttemptRecord("handed_back"),
            )
        )

    def _end(self, job: Claimed, stream: JobStream, result: Json | None) -> None:
        state = State.SUCCEEDED if result else State.FAILED
        self._commit(job, state, stream, result)

    def _commit(
        self, job: Claimed, state: State, stream: JobStream, result: Json | None
    ) -> None:
        # What waits is flushed first, so that the end's place is known.
        self._flusher.flush()
        error = FAILURE if state is State.FAILED else None
        words = stream.seq
        finish = _finish(job, state, stream.seq + 1, result, error)
        (committed,) = self._finish([finish])
        if committed is None:
            return
        if job.limits_id is not None:
            end = Settlement(job.limits_id, job.id, tokens_of(finish))
            self._reservations.settle([end])
        embeds = job.kind is Kind.EMBED and result is not None
        usage = {"prompt_tokens": 3, "completion_tokens": words}
        data = end_data(
            job.id,
            state,
            done_reason="stop",
            usage=usage,
            error=error,
            is_stored=embeds,
        )
        self._flusher.end([(stream, data, committed.row)])
        self.answered.append(job.id)


def _finish(
    job: Claimed, state: State, seq: int, result: Json | None, error: Json | None
) -> Finish:
    return Finish(
        id=job.id,
        attempt=job.attempt,
        token=job.token,
        state=state,
        record=AttemptRecord(state, node="local", worker="fake", model=job.model),
        last_event_id=f"{job.attempt}-{seq}",
        served_model=job.model,
        result=None if result is None else orjson.dumps(result).decode(),
        done_reason="stop",
        error_code=ErrorCode.UPSTREAM_ERROR if error else None,
        error=None if error is None else orjson.dumps(error).decode(),
        prompt_tokens=3,
        completion_tokens=seq - 1,
        first_token_ms=1,
    )


def _running(job: Claimed) -> bytes:
    return state_data(
        job.id,
        State.RUNNING,
        attempt=job.attempt,
        node="local",
        model=job.requested_model,
    )


def _prompt(request: Json) -> str:
    messages = request.get("messages")
    return str(messages[-1].get("content", "") if messages else request["prompt"])


def _words(prompt: str) -> list[str]:
    words = [f"{word} " for word in prompt.split()] or ["nothing "]
    return words * 200 if "long" in prompt else words
