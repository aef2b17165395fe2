"""Answering one claimed job: load if need be, generate, then finish or give back."""

import time
from collections.abc import Iterator
from typing import Any

import orjson
import structlog

from backend.core.jobs.records import Claimed
from backend.core.jobs.states import Kind, State
from backend.core.settings import Settings
from backend.core.streams.flusher import Flusher
from backend.core.streams.frames import state_data
from worker.generation.body import PATHS, SHIFT, generation_body, recorded_options
from worker.generation.models import NodeModels
from worker.generation.reply import Reply, read_lines, whole_reply
from worker.generation.settle import Settler
from worker.holdings import Holding, Holdings, bound_to
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import OllamaError, StreamCutError

log = structlog.get_logger()


class Answerer:
    """Takes a claimed job to the end of its attempt."""

    def __init__(
        self,
        *,
        settings: Settings,
        client: OllamaClient,
        flusher: Flusher,
        holdings: Holdings,
        models: NodeModels,
        settler: Settler,
    ) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._client = client
        self._flusher = flusher
        self._holdings = holdings
        self._models = models
        self._settler = settler

    def answer(self, job: Claimed) -> bool:
        """Answer a chat, generate or load job; whatever happens ends in a state.

        Tells whether Ollama answered.
        """
        holding = self.begin(job)
        try:
            with bound_to(job):
                return self._settle(holding)
        finally:
            self._holdings.release(holding)

    def begin(self, job: Claimed) -> Holding:
        """Take note of the job and tell its readers that it runs."""
        holding = self._holdings.hold(job)
        holding.model_digest = self._models.digest(job.model)
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
        loads = holding.job.kind is Kind.LOAD
        try:
            reply = self._load_alone(holding) if loads else self._generate(holding)
        except ExchangeAbortedError as error:
            self._settler.aborted(holding, error)
            return True
        except OllamaError as error:
            self._settler.failed(holding, error)
            return not error.counts_for_breaker
        self._settler.succeeded(holding, reply)
        return True

    def _generate(self, holding: Holding) -> Reply:
        job = holding.job
        policy = self._models.policy(job.model)
        self.load(holding)
        body = generation_body(job.model, orjson.loads(job.request), policy)
        holding.options = recorded_options(body)
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
            if said.anything:
                holding.tokens += len(lines)
                if holding.first_token_at is None:
                    holding.first_token_at = time.monotonic()
                soon = said.last is None
                add(
                    stream,
                    said.text,
                    said.thinking,
                    said.tool_calls,
                    said.logprobs,
                    soon=soon,
                )
            if said.last is not None:
                return whole_reply(kind, stream.text, said.last)
        raise StreamCutError

    def _load_alone(self, holding: Holding) -> Reply:
        reply = self.reload(holding)
        self._models.refresh()
        return reply

    def reload(self, holding: Holding) -> Reply:
        """Load the model whatever is known of it: its time in memory begins anew."""
        self._models.saw_failing(holding.job.model)
        self.load(holding)
        return Reply({"status": "loaded"}, "load", None, None, {})

    def load(self, holding: Holding, switch: AbortSwitch | None = None) -> None:
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
            shift=SHIFT,
            is_embedding=policy.embeds,
            headers=headers_of(holding.job),
            switch=switch or holding.switch,
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


def headers_of(job: Claimed) -> dict[str, str]:
    """Give the headers that let one id be followed into Ollama's log."""
    headers = {"X-Request-Id": job.request_id, "traceparent": job.traceparent}
    return {name: value for name, value in headers.items() if value}
