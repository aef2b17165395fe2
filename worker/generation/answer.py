"""Answering one claimed job: load if need be, generate, then finish or give back."""

import random
import time
from collections.abc import Iterator
from typing import Any

import orjson
import structlog

from backend.core import metrics
from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.records import Claimed, Handback
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.states import State
from backend.core.settings import Settings
from backend.core.streams.flusher import Flusher
from backend.core.streams.frames import EntryId, state_data
from backend.core.streams.outsider import OutsiderStream
from worker.generation import outcome
from worker.generation.body import PATHS, generation_body
from worker.generation.ledger import End, Ledger
from worker.generation.models import NodeModels
from worker.generation.reply import Reply, read_lines, whole_reply
from worker.holdings import AbortReason, Holding, Holdings
from worker.ollama.abort import ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import AttemptTimeoutError, OllamaError, StreamCutError
from worker.resilience.breaker_store import BreakerStore
from worker.resilience.retry import delay_seconds

log = structlog.get_logger()


class Answerer:
    """Takes a claimed job to the end of its attempt."""

    def __init__(
        self,
        *,
        settings: Settings,
        client: OllamaClient,
        ledger: Ledger,
        transition: JobTransition,
        flusher: Flusher,
        outsider: OutsiderStream,
        holdings: Holdings,
        models: NodeModels,
        breaker: BreakerStore,
    ) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._client = client
        self._ledger = ledger
        self._transition = transition
        self._flusher = flusher
        self._outsider = outsider
        self._holdings = holdings
        self._models = models
        self._breaker = breaker

    def answer(self, job: Claimed) -> bool:
        """Answer a chat or generate job; whatever happens ends in a state.

        Tells whether Ollama answered.
        """
        holding = self.begin(job)
        try:
            return self._settle(holding)
        finally:
            self._holdings.release(holding)

    def begin(self, job: Claimed) -> Holding:
        """Take note of the job and tell its readers that it runs."""
        holding = self._holdings.hold(job)
        if job.attempt > 1:
            reset = orjson.dumps({"attempt": job.attempt, "reason": "restarted"})
            self._flusher.restart(holding.stream, reset)
        self.tell_state(holding)
        return holding

    def tell_state(self, holding: Holding, **progress: Any) -> None:  # JSON
        """Publish that the job runs, and what it waits for."""
        job = holding.job
        data = state_data(
            job.id,
            State.RUNNING,
            attempt=job.attempt,
            node=self._settings.node_id,
            model=job.requested_model,
            progress=progress or None,
        )
        self._flusher.announce_state(holding.stream, data, soon=bool(progress))

    def _settle(self, holding: Holding) -> bool:
        try:
            reply = self._generate(holding)
        except ExchangeAbortedError as error:
            self.aborted(holding, error)
            return True
        except OllamaError as error:
            self.failed(holding, error)
            return not error.counts_for_breaker
        self.succeeded(holding, reply)
        return True

    def _generate(self, holding: Holding) -> Reply:
        job = holding.job
        policy = self._models.policy(job.model)
        self.load(holding)
        body = generation_body(job.model, orjson.loads(job.request), policy)
        exchange = self._client.open(
            PATHS[job.kind],
            orjson.dumps(body),
            deadlines=self.deadlines(holding, tools="tools" in body),
            headers=headers_of(job),
            switch=holding.switch,
        )
        with exchange:
            return self._relay(holding, iter(exchange))

    def _relay(self, holding: Holding, reads: Iterator[list[dict[str, Any]]]) -> Reply:
        kind, stream, add = holding.job.kind, holding.stream, self._flusher.add
        for lines in reads:
            said = read_lines(kind, lines)
            if said.text or said.thinking or said.tool_calls:
                if holding.first_token_at is None:
                    holding.first_token_at = time.monotonic()
                add(stream, said.text, said.thinking, said.tool_calls)
            if said.last is not None:
                return whole_reply(kind, stream.text, said.last)
        raise StreamCutError

    def load(self, holding: Holding) -> None:
        """Load the model by an empty request unless it is in memory.

        Load and first token can so be told apart: the head of an answer comes only with
        its first token (JOBS.md 26).
        """
        model = holding.job.model
        if self._models.is_loaded(model):
            return
        self.tell_state(holding, status="loading")
        policy = self._models.policy(model)
        seconds = min(self._settings.ollama_load_timeout / 1000, holding.seconds_left)
        self._client.load(
            model,
            keep_alive=policy.keep_alive_seconds,
            options=policy.load_options,
            limits=Deadlines(seconds, None, seconds),
            is_embedding=policy.embeds,
            headers=headers_of(holding.job),
            switch=holding.switch,
        )
        self._models.saw_loaded(model)

    def deadlines(self, holding: Holding, *, tools: bool) -> Deadlines:
        """Give the limits of a call (JOBS.md 26)."""
        settings = self._settings
        # A tool call comes in one late line, so its silence says nothing.
        silence = None if tools else settings.ollama_timeout / 1000
        attempt = settings.worker_timeout / 1000 - holding.age_seconds
        return Deadlines(
            first_token_seconds=settings.ollama_first_token_timeout / 1000,
            silence_seconds=silence,
            attempt_seconds=max(0.001, min(attempt, holding.seconds_left)),
        )

    def succeeded(self, holding: Holding, reply: Reply) -> None:
        """Commit an answer."""
        job = holding.job
        self._models.saw_loaded(job.model)
        self._breaker.succeeded(self._settings.node_id, job.model)
        end = outcome.succeeded(
            holding, reply, last=self._last(holding), **self._labels()
        )
        if self._finish(holding, end):
            metrics.record_tokens(reply.prompt_tokens, reply.completion_tokens)
            if holding.first_token_ms is not None:
                metrics.record_first_token(holding.first_token_ms / 1000)

    def aborted(self, holding: Holding, error: ExchangeAbortedError) -> None:
        """End an attempt that we cut off ourselves."""
        self._breaker.proved_nothing(self._settings.node_id, holding.job.model)
        if error.reason == AbortReason.CANCELLED:
            self._end(holding, State.CANCELLED)
        elif error.reason == AbortReason.DRAIN:
            self.hand_back(holding)
        else:
            metrics.record_refused_write()
            self._flusher.drop(holding.stream)
            log.warning("attempt_superseded", job_id=holding.job.id)

    def failed(self, holding: Holding, error: OllamaError) -> None:
        """End or give back an attempt that Ollama did not answer."""
        job = holding.job
        metrics.record_failed_attempt(error.code)
        self._models.saw_failing(job.model)
        self._count(job.model, error)
        log.info("attempt_failed", job_id=job.id, code=error.code, detail=error.detail)
        if isinstance(error, AttemptTimeoutError) and holding.seconds_left <= 0:
            self._end(holding, State.EXPIRED, outcome.deadline_error(holding))
        elif error.retryable:
            self._retry(holding, outcome.error_of(holding, error))
        else:
            self._end(holding, State.FAILED, outcome.error_of(holding, error))

    def _count(self, model: str, error: OllamaError) -> None:
        node = self._settings.node_id
        if error.counts_for_breaker:
            self._breaker.failed(node, model)
        else:
            self._breaker.proved_nothing(node, model)

    def _retry(self, holding: Holding, error: dict[str, Any]) -> None:
        settings = self._settings
        wait = delay_seconds(
            holding.job.failures + 1,
            base=settings.retry_base_delay / 1000,
            cap=settings.retry_max_delay / 1000,
            jitter=random.random(),  # noqa: S311 — spreads retries, guards nothing
        )
        self._give_back(
            outcome.handed_back(
                holding,
                costs=1,
                delay_ms=round(wait * 1000),
                error=error,
                **self._labels(),
            ),
            holding,
        )

    def give_back_unbegun(self, job: Claimed) -> None:
        """Give back a job that was claimed but not begun."""
        holding = self._holdings.hold(job)
        try:
            self.hand_back(holding)
        finally:
            self._holdings.release(holding)

    def hand_back(self, holding: Holding) -> None:
        """Give a job back at no cost: we drain, or cannot serve it now."""
        error = {"code": "worker_lost", "message": "The worker was stopped."}
        back = outcome.handed_back(
            holding, costs=0, delay_ms=0, error=error, **self._labels()
        )
        self._give_back(back, holding)

    def _give_back(self, back: Handback, holding: Holding) -> None:
        self._flusher.drop(holding.stream)
        try:
            moved = self._transition.hand_back(back)
        except DatabaseUnavailableError as error:
            # The lease runs out, and recovery does the same.
            log.warning("hand_back_failed", job_id=back.id, error=error.detail)
            return
        if moved is None:
            metrics.record_refused_write()
        else:
            self._outsider.moved(moved)

    def _end(
        self, holding: Holding, state: State, error: dict[str, Any] | None = None
    ) -> None:
        last = self._last(holding)
        end = outcome.ended(holding, state, last=last, error=error, **self._labels())
        self._finish(holding, end)

    def _finish(self, holding: Holding, end: End) -> bool:
        counted = self._ledger.finish(
            end, superseded=lambda: holding.switch.reason == AbortReason.SUPERSEDED
        )
        if counted:
            metrics.record_finished(
                holding.job.kind, end.finish.state, holding.age_seconds
            )
        else:
            self._flusher.drop(holding.stream)
        return counted

    def _last(self, holding: Holding) -> EntryId:
        return self._flusher.last_place(holding.stream)

    def _labels(self) -> dict[str, str]:
        return {"node": self._settings.node_id, "worker": self._settings.worker_id}


def headers_of(job: Claimed) -> dict[str, str]:
    """Give the headers that let one id be followed into Ollama's log."""
    headers = {"X-Request-Id": job.request_id, "traceparent": job.traceparent}
    return {name: value for name, value in headers.items() if value}
