"""What callers do with jobs: submit, wait, cancel, run again.

The order of a submission is everything: a mailbox first, then COMMIT, then announce
(JOBS.md 11, 19). After the COMMIT the answer is never an error.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import structlog

from backend.core import metrics
from backend.core.errors import (
    IdempotencyConflictError,
    InvalidRequestError,
    JobIsFinalError,
    PayloadExpiredError,
)
from backend.core.identifiers import uuid7
from backend.core.jobs.commit import JobCommit
from backend.core.jobs.queue_room import QueueRoom
from backend.core.jobs.reads import JobReads
from backend.core.jobs.records import JobRecord, Moved, NewJob
from backend.core.jobs.repository.insert import DUPLICATE, JobInsert
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.states import FINAL, State
from backend.core.limits.reservations import Reservations
from backend.core.queue import Announcer
from backend.core.streams.frames import Frame
from backend.core.streams.hub import Hub
from backend.core.streams.mailbox import Mailbox
from backend.core.streams.outsider import OutsiderStream

log = structlog.get_logger()

# A key that was taken when a job was to be committed, and free when its job was looked
# for, was freed in that very instant. That this happens again and again means that the
# database refuses the row for another reason.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted job and whether this call made it."""

    job_id: str
    is_new: bool
    handed_over: bool


class JobService:
    """The API's way to jobs."""

    def __init__(
        self,
        *,
        insert: JobInsert,
        query: JobQuery,
        reads: JobReads,
        transition: JobTransition,
        announcer: Announcer,
        hub: Hub,
        outsider: OutsiderStream,
        room: QueueRoom,
        reservations: Reservations,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the collaborators."""
        self._query = query
        self._reads = reads
        self._transition = transition
        self._hub = hub
        self._outsider = outsider
        self._room = room
        self._reservations = reservations
        self._clock = clock
        self._commit = JobCommit(insert, announcer)

    def submit(self, job: NewJob) -> Submission:
        """Accept a job: when this returns it is committed, and somebody will look.

        Raises:
            AppError, CallerChangedError: As `submit_all` does.
        """
        return self.submit_all([job])[0]

    def submit_all(self, jobs: Sequence[NewJob]) -> list[Submission]:
        """Accept jobs of one caller together: all of them, or none.

        Raises:
            IdempotencyConflictError: If a key was used with another body.
            QueueFullError: If too many jobs wait.
            CallerChangedError: If their credential does not hold any more.
            DatabaseUnavailableError: If they could not be accepted.
        """
        self._room.check(jobs[0].key_id)
        self._hub.wait_until_settled()
        found: dict[str, Submission] = {}
        rounds = 0
        while left := [job for job in jobs if job.id not in found]:
            rounds += 1
            try:
                found |= self._committed(left)
            except DUPLICATE:
                if rounds >= _ROUNDS:
                    raise
            found |= self._repeats([job for job in left if job.id not in found])
        return [found[job.id] for job in jobs]

    def _committed(self, jobs: Sequence[NewJob]) -> dict[str, Submission]:
        """Commit jobs; what another's job was taken for is not among them."""
        accepted = zip(jobs, self._commit(jobs), strict=True)
        new = {
            job.id: Submission(job.id, is_new=True, handed_over=one.handed_over)
            for job, one in accepted
            if one.is_new
        }
        for job in jobs:
            if job.id in new:
                metrics.record_submitted(job.kind)
        return new

    def _repeats(self, jobs: Sequence[NewJob]) -> dict[str, Submission]:
        """Find those whose keys are taken; a key may be free again by now."""
        known = ((job.id, self.repeated(job)) for job in jobs)
        return {job_id: found for job_id, found in known if found is not None}

    def repeated(self, job: NewJob) -> Submission | None:
        """Find the job that a submission only repeats; None if it is a new one.

        Raises:
            IdempotencyConflictError: If the key was used with another body.
        """
        if job.idempotency_key is None:
            return None
        winner = self._query.by_idempotency_key(job.owner_id, job.idempotency_key)
        return None if winner is None else _repeated(job, winner)

    @contextmanager
    def mailbox(self, job_id: str, *, only_end: bool = False) -> Iterator[Mailbox]:
        """Hear a job's frames for a while; begin before its INSERT."""
        self._hub.wait_until_settled()
        box = self._hub.open(job_id, only_end=only_end)
        try:
            yield box
        finally:
            self._hub.close(box)

    def wait(
        self,
        box: Mailbox,
        *,
        timeout_seconds: float,
        look: Callable[[], None],
        look_seconds: float = 0.5,
    ) -> bool:
        """Wait until the job of the mailbox has ended; tells whether it has.

        Args:
            box: Opened before the job was submitted.
            timeout_seconds: For how long.
            look: Called every `look_seconds` of silence; may raise to give up.
            look_seconds: How often to look.
        """
        ends_at = self._clock() + timeout_seconds
        while (left := ends_at - self._clock()) > 0:
            mail = box.get(min(left, look_seconds))
            if isinstance(mail, Frame):
                if mail.event == "end":
                    return True
            elif isinstance(mail, JobRecord):
                if mail.state in FINAL:
                    return True
            else:
                look()
        return False

    def cancel(self, job: JobRecord) -> JobRecord:
        """Ask for a cancel; a queued job ends at once, a running one within a second.

        Raises:
            JobIsFinalError: If it has ended otherwise.
        """
        moved = self._transition.cancel(job.id)
        if moved is None:
            present = self._reads.get(job.id)
            if present is None or present.state is not State.CANCELLED:
                raise JobIsFinalError
            return present
        self._spread_cancel(moved)
        return self._reads.get(job.id) or job

    def stop(self, job_id: str) -> None:
        """Ask for a cancel if the job has not ended."""
        moved = self._transition.cancel(job_id)
        if moved is not None:
            self._spread_cancel(moved)

    def _spread_cancel(self, moved: Moved) -> None:
        if moved.state is State.CANCELLED:
            metrics.record_finished(moved.kind, moved.state)
            self._reservations.settle_moved(moved)
            self._outsider.end(moved)
        else:
            self._outsider.ask_cancel(moved.id)

    def again(self, job: JobRecord, *, request_id: str | None) -> NewJob:
        """Make a new job that names the failed one that it repeats.

        It has no part in its key's limits: its caller was charged when it was accepted
        first, and an administrator decides that it runs again.

        Raises:
            InvalidRequestError: If the job did not fail.
            PayloadExpiredError: If its request is no longer kept.
        """
        if job.state not in {State.FAILED, State.EXPIRED}:
            raise InvalidRequestError(
                f"Only failed and expired jobs are replayed; this one is {job.state}."
            )
        new = self._query.as_new(job.id, queue_ms=self._transition.queue_ms)
        if new is None:
            raise PayloadExpiredError
        return replace(
            new,
            id=uuid7(),
            replay_of=job.id,
            request_id=request_id,
            idempotency_key=None,
        )


def _repeated(job: NewJob, winner: JobRecord) -> Submission:
    if winner.body_hash != job.body_hash:
        raise IdempotencyConflictError
    return Submission(winner.id, is_new=False, handed_over=False)
