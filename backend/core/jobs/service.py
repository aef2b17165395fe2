"""What callers do with jobs: submit, wait, cancel, run again.

The order of a submission is everything: a mailbox first, then COMMIT, then announce
(JOBS.md 11, 19). After the COMMIT the answer is never an error.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import redis
import structlog
from kombu.exceptions import OperationalError as BrokerError

from backend.core import metrics
from backend.core.credential import CallerChangedError
from backend.core.errors import (
    IdempotencyConflictError,
    InvalidRequestError,
    JobIsFinalError,
    PayloadExpiredError,
)
from backend.core.group_commit import GroupCommit, step_back
from backend.core.identifiers import uuid7
from backend.core.jobs.queue_room import QueueRoom
from backend.core.jobs.reads import JobReads
from backend.core.jobs.records import Due, JobRecord, Moved, NewJob
from backend.core.jobs.repository.insert import BAD_ROW, DUPLICATE, JobInsert
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.states import FINAL, State
from backend.core.limits.reservations import Reservations
from backend.core.names import NODE_LANES
from backend.core.queue import Announcer
from backend.core.streams.frames import Frame
from backend.core.streams.hub import Hub
from backend.core.streams.mailbox import Mailbox
from backend.core.streams.outsider import OutsiderStream

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a submission; another id than one's own means "it was there"."""

    job_id: str
    handed_over: bool = False


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
        self._insert = insert
        self._query = query
        self._reads = reads
        self._transition = transition
        self._announcer = announcer
        self._hub = hub
        self._outsider = outsider
        self._room = room
        self._reservations = reservations
        self._clock = clock
        self._commit: GroupCommit[NewJob, Accepted] = GroupCommit(
            self._commit_batch,
            split_on=(*BAD_ROW, CallerChangedError),
            size=_bytes,
            gather=step_back,
        )

    def submit(self, job: NewJob) -> Submission:
        """Accept a job: when this returns it is committed, and somebody will look.

        Raises:
            IdempotencyConflictError: If the key was used with another body.
            QueueFullError: If too many jobs wait.
            CallerChangedError: If its credential does not hold any more.
            DatabaseUnavailableError: If it could not be accepted.
        """
        self._room.check(job.key_id)
        self._hub.wait_until_settled()
        try:
            accepted = self._commit(job)
        except DUPLICATE:
            return self._resolve_duplicate(job)
        if accepted.job_id != job.id:
            return self._resolve_duplicate(job)
        metrics.record_submitted(job.kind)
        return Submission(job.id, is_new=True, handed_over=accepted.handed_over)

    def _resolve_duplicate(self, job: NewJob) -> Submission:
        winner = self._query.by_idempotency_key(job.owner_id, job.idempotency_key or "")
        if winner is None:
            # Released in this very instant: the key is free again.
            accepted = self._commit(job)
            return Submission(accepted.job_id, is_new=True, handed_over=False)
        return _repeated(job, winner)

    def repeated(self, job: NewJob) -> Submission | None:
        """Find the job that a submission only repeats; None if it is a new one.

        Raises:
            IdempotencyConflictError: If the key was used with another body.
        """
        if job.idempotency_key is None:
            return None
        winner = self._query.by_idempotency_key(job.owner_id, job.idempotency_key)
        return None if winner is None else _repeated(job, winner)

    def _commit_batch(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        """Commit what was submitted together, then announce it."""
        firsts: dict[object, NewJob] = {}
        own = [job for job in jobs if firsts.setdefault(_wish(job), job) is job]
        self._insert(own)
        handed = self._announce(own)
        return [
            Accepted(first.id, handed_over=first.id in handed)
            for first in (firsts[_wish(job)] for job in jobs)
        ]

    def _announce(self, jobs: Sequence[NewJob]) -> set[str]:
        by_model: dict[str, list[NewJob]] = defaultdict(list)
        for job in jobs:
            if not job.lane.startswith(NODE_LANES):
                by_model[job.model].append(job)
        handed: set[str] = set()
        for model, members in by_model.items():
            given = self._tell(model, [_due(job) for job in members])
            handed.update(job.id for job in members[:given])
        return handed

    def _tell(self, model: str, due: Sequence[Due]) -> int:
        try:
            return self._announcer.announce(model, due)
        except (redis.RedisError, BrokerError) as error:
            # They are committed; recovery sends the tickets when Redis is back.
            metrics.record_announce_failure()
            log.warning("announce_failed", model=model, jobs=len(due), error=str(error))
            return 0

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


def _wish(job: NewJob) -> object:
    """Tell submissions apart that are to become different jobs."""
    return job.owner_id, job.idempotency_key or job.id, job.credential


def _bytes(job: NewJob) -> int:
    return len(job.request) + len(job.original or b"")


def _due(job: NewJob) -> Due:
    return Due(
        id=job.id,
        attempt=0,
        failures=0,
        kind=job.kind,
        model=job.model,
        requested_model=job.requested_model,
        request=job.request,
        deadline_ms=job.deadline_ms,
        request_id=job.request_id,
        traceparent=job.traceparent,
        limits_id=job.limits_id,
    )
