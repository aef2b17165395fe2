"""Claims and ends of all threads of this process, in groups (JOBS.md 9, 10).

A slot that asks for a job while another's claim is under way shares the next statement;
slots of one lane are interchangeable, so any of them may answer any job.
"""

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from backend.core import metrics
from backend.core.errors import DatabaseUnavailableError
from backend.core.group_commit import GroupCommit
from backend.core.jobs.records import Claimed, Due, Finish
from backend.core.jobs.repository.claim import JobClaim
from backend.core.jobs.repository.finish import JobFinish
from backend.core.limits.reservations import Reservations, Settlement, tokens_of
from backend.core.streams.flusher import Flusher, JobStream

log = structlog.get_logger()

T = TypeVar("T")
# No server takes less in one packet.
_ANY_BYTES = 512 * 1024
# Between two tries to commit an answer while the database is away.
_RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Want:
    """One slot's wish for a job of a lane; a hint names one that was just committed."""

    lane: str
    hint: Due | None = None


@dataclass(frozen=True, slots=True)
class End:
    """A job's end, with what its readers are told after the COMMIT."""

    finish: Finish
    stream: JobStream
    data: bytes
    # Whose limits hold a reservation for it.
    limits_id: int | None = None


class Ledger:
    """This process's way to claim and to finish."""

    def __init__(
        self,
        claim: JobClaim,
        finish: JobFinish,
        flusher: Flusher,
        reservations: Reservations,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep the statements, the door for the `end` frames, and what limits hold."""
        self._claim = claim
        self._finish = finish
        self._flusher = flusher
        self._reservations = reservations
        self._sleep = sleep
        self._claims: GroupCommit[Want, Claimed | None] = GroupCommit(self._claim_batch)
        self._ends: GroupCommit[Sequence[End], list[bool]] = GroupCommit(
            self._end_batch, size=_size
        )

    def claim(self, want: Want) -> Claimed | None:
        """Claim the best due job of a lane, or the one that was hinted at.

        Raises:
            DatabaseUnavailableError: If the database cannot be asked.
        """
        return self._claims(want)

    def take(self, due: Sequence[Due]) -> list[Claimed]:
        """Claim these jobs as far as they still stand as they were read."""
        return self._claim.take(due)

    def look(
        self, lane: str, limit: int, *, most_bytes: int | None = None
    ) -> list[Due]:
        """Read the first due jobs of a lane; longer requests are left unread."""
        return self._claim.look(lane, limit, most_bytes=most_bytes)

    def any_due(self, lane: str) -> bool:
        """Tell whether a job of the lane waits."""
        return self._claim.any_due(lane)

    def fits(self, end: End) -> bool:
        """Tell whether the database takes an end of this size at all.

        Raises:
            DatabaseUnavailableError: If it cannot be asked.
        """
        size = _size([end])
        return size <= _ANY_BYTES or size <= self._finish.largest_result()

    def finish(
        self, ends: Sequence[End], *, superseded: Callable[[], bool]
    ) -> list[bool]:
        """Commit ends, in one transaction; tells of each whether it counted.

        While the database is away the answers are kept and tried again, until it is
        known that the jobs are others'.
        """
        counted = self.persist(
            ends[0].finish.id, lambda: self._ends(ends), superseded=superseded
        )
        counted = counted or [False] * len(ends)
        for end, counts in zip(ends, counted, strict=True):
            if not counts:
                metrics.record_refused_write()
                log.warning(
                    "finish_refused", job_id=end.finish.id, attempt=end.finish.attempt
                )
        return counted

    def persist(
        self, job_id: str, write: Callable[[], T], *, superseded: Callable[[], bool]
    ) -> T | None:
        """Write until the database takes it; None if the job is another's meanwhile."""
        while not superseded():
            try:
                return write()
            except DatabaseUnavailableError as error:
                log.warning("write_waits", job_id=job_id, error=error.detail)
                self._sleep(_RETRY_SECONDS)
        return None

    def _end_batch(self, groups: Sequence[Sequence[End]]) -> list[list[bool]]:
        """Commit ends, and tell their readers; gives which of them counted."""
        ends = [end for group in groups for end in group]
        commits = self._finish([end.finish for end in ends])
        counted = [
            (end, commit)
            for end, commit in zip(ends, commits, strict=True)
            if commit is not None
        ]
        # Whoever hears of the end may use its place at once.
        self._reservations.settle(_settlements(end for end, _ in counted))
        self._flusher.end([(e.stream, e.data, commit.row) for e, commit in counted])
        counts = iter(commit is not None for commit in commits)
        return [list(itertools.islice(counts, len(group))) for group in groups]

    def _claim_batch(self, wants: Sequence[Want]) -> list[Claimed | None]:
        by_lane: dict[str, list[int]] = defaultdict(list)
        for index, want in enumerate(wants):
            by_lane[want.lane].append(index)
        outcome: list[Claimed | None] = [None] * len(wants)
        for lane, indexes in by_lane.items():
            hints = [hint for i in indexes if (hint := wants[i].hint) is not None]
            try:
                claimed = self._claim_lane(lane, hints, len(indexes))
            except DatabaseUnavailableError:
                if any(outcome):
                    # What is claimed already must not wait for its lease to end.
                    return outcome
                raise
            for index, job in zip(indexes, claimed, strict=False):
                outcome[index] = job
        return outcome

    def _claim_lane(self, lane: str, hints: Sequence[Due], count: int) -> list[Claimed]:
        """Claim up to `count` jobs: the hinted ones, then by rank until none is due."""
        claimed = self._claim.take(_distinct(hints))
        while len(claimed) < count:
            missing = count - len(claimed)
            try:
                due = self._claim.look(lane, missing)
                claimed += self._claim.take(due)
            except DatabaseUnavailableError:
                if claimed:
                    return claimed
                raise
            if len(due) < missing:
                break
        return claimed


def _distinct(hints: Sequence[Due]) -> list[Due]:
    return list({hint.id: hint for hint in hints}.values())


def _settlements(ends: Iterable[End]) -> list[Settlement]:
    return [
        Settlement(end.limits_id, end.finish.id, tokens_of(end.finish))
        for end in ends
        if end.limits_id is not None
    ]


def _size(ends: Sequence[End]) -> int:
    return sum(len(e.finish.result or "") + len(e.finish.error or "") for e in ends)
