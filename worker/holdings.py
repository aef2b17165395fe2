"""The jobs and slots that this process holds, for whoever must renew or end them."""

import threading
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum

from structlog.contextvars import bound_contextvars

from backend.core import metrics
from backend.core.jobs.records import Claimed
from backend.core.queue import Slot
from backend.core.streams.flusher import JobStream
from worker.ollama.abort import AbortSwitch


class AbortReason(StrEnum):
    """Why we cut a request off ourselves."""

    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    DRAIN = "drain"


@dataclass(slots=True, eq=False)
class Holding:
    """A claimed job while it is answered."""

    job: Claimed
    stream: JobStream
    switch: AbortSwitch = field(default_factory=AbortSwitch)
    claimed_at: float = field(default_factory=time.monotonic)
    first_token_at: float | None = None
    # Received by this attempt. Ollama sends a line for each token, and tells its own
    # counts only in the last one.
    tokens: int = 0
    # For the attempt's row: the model's digest, and the options sent, as JSON.
    model_digest: str | None = None
    options: str | None = None

    @property
    def age_seconds(self) -> float:
        """Tell how long ago the job was claimed."""
        return time.monotonic() - self.claimed_at

    @property
    def first_token_ms(self) -> int | None:
        """Tell how long the first token took since the claim."""
        if self.first_token_at is None:
            return None
        return round((self.first_token_at - self.claimed_at) * 1000)

    @property
    def seconds_left(self) -> float:
        """Tell how long the job as a whole may still take."""
        return self.job.deadline_ms / 1000 - self.age_seconds


def bound_to(job: Claimed) -> AbstractContextManager[object]:
    """Let what is logged meanwhile carry the job's ids."""
    return bound_contextvars(job_id=job.id, request_id=job.request_id)


class Holdings:
    """Everything that this process holds; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Holding] = {}
        self._slots: dict[str, Slot] = {}

    def hold(self, job: Claimed) -> Holding:
        """Take note of a claimed job."""
        holding = Holding(job, JobStream(job.id, job.attempt))
        with self._lock:
            older = self._jobs.get(job.id)
            self._jobs[job.id] = holding
            metrics.set_running(len(self._jobs))
        if older is not None:
            # We lost it meanwhile (a paused process) and got it again.
            self.abort([older], AbortReason.SUPERSEDED)
        return holding

    def release(self, holding: Holding) -> None:
        """Forget a job that has ended, or is another's."""
        with self._lock:
            if self._jobs.get(holding.job.id) is holding:
                del self._jobs[holding.job.id]
            metrics.set_running(len(self._jobs))

    def jobs(self) -> list[Holding]:
        """List the jobs."""
        with self._lock:
            return list(self._jobs.values())

    def find(self, job_id: str) -> Holding | None:
        """Find a job."""
        with self._lock:
            return self._jobs.get(job_id)

    def abort(self, holdings: Iterable[Holding], reason: AbortReason) -> None:
        """Cut the jobs' requests off, whatever they wait for."""
        for holding in holdings:
            holding.switch.abort(reason)

    def add_slot(self, slot: Slot) -> None:
        """Take note of a slot."""
        with self._lock:
            self._slots[slot.holder] = slot

    def drop_slot(self, slot: Slot) -> None:
        """Forget a slot."""
        with self._lock:
            self._slots.pop(slot.holder, None)

    def slots(self) -> list[Slot]:
        """List the slots."""
        with self._lock:
            return list(self._slots.values())
