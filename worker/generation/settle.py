"""How attempts end: commit the answer, give the job back, or let go of it."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import structlog

from backend.core import metrics
from backend.core.jobs.errors import platform_error
from backend.core.jobs.records import Claimed, Handback
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.states import FINAL, NODE_WORK, ErrorCode, Kind, State
from backend.core.limits.reservations import Reservations
from backend.core.settings import Settings
from backend.core.streams.flusher import Flusher
from backend.core.streams.frames import EntryId
from backend.core.streams.outsider import OutsiderStream
from worker.generation import outcome
from worker.generation.ledger import End, Ledger
from worker.generation.models import NodeModels
from worker.generation.pace import Pace
from worker.generation.reply import Reply
from worker.holdings import AbortReason, Holding, Holdings
from worker.ollama.abort import ExchangeAbortedError
from worker.ollama.errors import (
    AnswerTooLargeError,
    AttemptTimeoutError,
    LoadTimeoutError,
    OllamaError,
)
from worker.resilience.breaker_store import BreakerStore
from worker.resilience.retry import delay_seconds

log = structlog.get_logger()

# Limits that the job's own deadline may have shortened.
_LIMITED_BY_JOB = (AttemptTimeoutError, LoadTimeoutError)
# What may succeed without the model being in memory afterwards.
_LEAVES_UNLOADED = NODE_WORK - {Kind.LOAD}


class Settler:
    """Ends attempts, whatever came of them."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        transition: JobTransition,
        flusher: Flusher,
        outsider: OutsiderStream,
        reservations: Reservations,
        holdings: Holdings,
        models: NodeModels,
        breaker: BreakerStore,
        pace: Pace,
    ) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._ledger = ledger
        self._transition = transition
        self._flusher = flusher
        self._outsider = outsider
        self._reservations = reservations
        self._holdings = holdings
        self._models = models
        self._breaker = breaker
        self._pace = pace

    def succeeded(self, holding: Holding, reply: Reply) -> None:
        """Commit an answer, unless it is too large to be kept."""
        end = self._success(holding, reply)
        if self._fits(holding, end):
            self._commit([(holding, end)])
        else:
            self.failed(holding, AnswerTooLargeError())

    def all_succeeded(self, answered: Sequence[tuple[Holding, Reply]]) -> None:
        """Commit the answers of one call, together; a joined call's are small."""
        if len(answered) == 1:
            self.succeeded(*answered[0])
            return
        self._commit([(h, self._success(h, reply)) for h, reply in answered])

    def _success(self, holding: Holding, reply: Reply) -> End:
        last = self._last(holding)
        return outcome.succeeded(holding, reply, last=last, **self._labels())

    def _fits(self, holding: Holding, end: End) -> bool:
        return (
            self._ledger.persist(
                end.finish.id,
                lambda: self._ledger.fits(end),
                superseded=lambda: _is_superseded(holding),
            )
            is not False
        )

    def _commit(self, ended: Sequence[tuple[Holding, End]]) -> None:
        job = ended[0][0].job
        if job.kind not in NODE_WORK:
            for holding, _ in ended:
                self._pace.took(job.model, holding.age_seconds / len(ended))
        if job.kind not in _LEAVES_UNLOADED:
            self._models.saw_loaded(job.model)
        self._judge(job, self._breaker.succeeded)
        for (holding, _), counts in zip(ended, self._finish(ended), strict=True):
            if counts and holding.first_token_ms is not None:
                metrics.record_first_token(holding.first_token_ms / 1000)

    def aborted(self, holding: Holding, error: ExchangeAbortedError) -> None:
        """End an attempt that we cut off ourselves."""
        self._judge(holding.job, self._breaker.proved_nothing)
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
        log.info("attempt_failed", job_id=job.id, code=error.code, detail=error.detail)
        if isinstance(error, _LIMITED_BY_JOB) and holding.seconds_left <= 0:
            # The caller's own deadline says nothing about the node.
            self._judge(job, self._breaker.proved_nothing)
            self._end(holding, State.EXPIRED, outcome.deadline_error(holding))
            return
        metrics.record_failed_attempt(error.code)
        self._models.saw_failing(job.model)
        counts, breaker = error.counts_for_breaker, self._breaker
        self._judge(job, breaker.failed if counts else breaker.proved_nothing)
        context = self._models.context(job.model)
        told = outcome.error_of(holding, error, context=context)
        if error.retryable:
            self._retry(holding, told)
        else:
            self._end(holding, State.FAILED, told)

    def _judge(self, job: Claimed, verdict: Callable[[str, str], None]) -> None:
        """Tell the breaker; a stuck download says nothing about a node's answers."""
        if job.kind not in NODE_WORK:
            verdict(self._settings.node_id, job.model)

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
        # It costs nothing, so the job never ends with this.
        counted = holding.job.failures
        error = platform_error(ErrorCode.WORKER_LOST, attempts=counted)
        back = outcome.handed_back(
            holding, costs=0, delay_ms=0, error=error, **self._labels()
        )
        self._give_back(back, holding)

    def _give_back(self, back: Handback, holding: Holding) -> None:
        self._flusher.drop(holding.stream)
        moved = self._ledger.persist(
            back.id,
            lambda: self._transition.hand_back(back),
            superseded=lambda: _is_superseded(holding),
        )
        if moved is None:
            metrics.record_refused_write()
            return
        _log_end(holding, moved.state)
        if moved.state in FINAL:
            metrics.record_finished(moved.kind, moved.state, holding.age_seconds)
            metrics.record_tokens(None, back.completion_tokens)
        else:
            metrics.record_lost_tokens(back.completion_tokens)
        self._reservations.settle_moved(moved)
        self._outsider.moved(moved)

    def _end(
        self, holding: Holding, state: State, error: dict[str, Any] | None = None
    ) -> None:
        last = self._last(holding)
        end = outcome.ended(holding, state, last=last, error=error, **self._labels())
        self._finish([(holding, end)])

    def _finish(self, ended: Sequence[tuple[Holding, End]]) -> list[bool]:
        counted = self._ledger.finish(
            [end for _, end in ended],
            superseded=lambda: all(_is_superseded(holding) for holding, _ in ended),
        )
        for (holding, end), counts in zip(ended, counted, strict=True):
            if counts:
                self._ended(holding, end)
            else:
                self._flusher.drop(holding.stream)
        return counted

    def _ended(self, holding: Holding, end: End) -> None:
        state = end.finish.state
        _log_end(holding, state)
        metrics.record_finished(holding.job.kind, state, holding.age_seconds)
        metrics.record_tokens(end.finish.prompt_tokens, end.finish.completion_tokens)
        self._log_performance(holding, end)

    def _log_performance(self, holding: Holding, end: End) -> None:
        """Log the times of a fraction of all jobs (PERFORMANCE_SAMPLE_RATE)."""
        rate = self._settings.performance_sample_rate
        if rate and random.random() < rate:  # noqa: S311 — a sample, no secret
            log.info(
                "job_performance",
                job_id=holding.job.id,
                kind=holding.job.kind,
                model=holding.job.model,
                state=end.finish.state,
                **orjson.loads(end.finish.timings or "{}"),
            )

    def _last(self, holding: Holding) -> EntryId:
        return self._flusher.last_place(holding.stream)

    def _labels(self) -> dict[str, str]:
        return {"node": self._settings.node_id, "worker": self._settings.worker_id}


def _log_end(holding: Holding, state: State) -> None:
    """Log the one line that every ended attempt has."""
    job = holding.job
    log.info(
        "job_finished",
        job_id=job.id,
        request_id=job.request_id,
        kind=job.kind,
        model=job.model,
        state=state,
        attempt=job.attempt,
        milliseconds=round(holding.age_seconds * 1000),
    )


def _is_superseded(holding: Holding) -> bool:
    return holding.switch.reason == AbortReason.SUPERSEDED
