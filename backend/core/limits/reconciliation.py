"""Reservations that a crash left behind: the database tells what became of their jobs.

A process may die between a reservation and its job's INSERT, or between a job's end and
its settlement, and Redis may have been away for either. Jobs run long, so the age of a
reservation says nothing by itself: only a final row, or none, ends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.core import metrics
from backend.core.jobs.records import JobRecord
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.states import FINAL
from backend.core.limits.reservations import Open, Reservations, Settlement, tokens_of

_BATCH = 500
# An INSERT may be under way for as long as the driver waits for its answer (60 s).
_UNBORN_MS = 70_000


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a run found: settled late, released because no job came of it, under way."""

    settled: int
    released: int
    under_way: int


class Reconciliation:
    """Ends reservations that nobody else will."""

    def __init__(
        self,
        reservations: Reservations,
        query: JobQuery,
        *,
        unborn_ms: int = _UNBORN_MS,
    ) -> None:
        """Keep the two that must agree, and how long a job's INSERT may take."""
        self._reservations = reservations
        self._query = query
        self._unborn_ms = unborn_ms

    def run(self) -> Reconciled:
        """Look at all that are due.

        Raises:
            DatabaseUnavailableError, redis.RedisError: If either cannot be asked.
        """
        done = Reconciled(0, 0, 0)
        # What is found under way is looked at again later, so this comes to an end.
        while held := self._reservations.due(_BATCH):
            done = _sum(done, self._reconcile(held))
        metrics.record_reconciled(done.settled + done.released)
        return done

    def _reconcile(self, held: Sequence[Open]) -> Reconciled:
        found = self._query.get_many([one.job_id for one in held], payload=False)
        jobs = {job.id: job for job in found}
        ends = [self._end(one, jobs.get(one.job_id)) for one in held]
        over = [end for end in ends if end is not None]
        # All of them, so that what Redis does not take now is not asked for at once.
        self._reservations.postpone(held)
        self._reservations.settle(over)
        never = sum(end.never for end in over)
        return Reconciled(len(over) - never, never, len(held) - len(over))

    def _end(self, held: Open, job: JobRecord | None) -> Settlement | None:
        if job is None:
            unborn = held.age_ms < self._unborn_ms
            return (
                None if unborn else Settlement(held.lineage_id, held.job_id, never=True)
            )
        if job.state not in FINAL:
            return None
        return Settlement(held.lineage_id, job.id, tokens_of(job))


def _sum(one: Reconciled, other: Reconciled) -> Reconciled:
    return Reconciled(
        one.settled + other.settled,
        one.released + other.released,
        one.under_way + other.under_way,
    )
