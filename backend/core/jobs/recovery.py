"""Recovery: whoever dies, somebody looks again within seconds (JOBS.md 5, 14).

Once a second: jobs whose lease is over go back to the queue or end, jobs that waited
too long expire, and each lane with due jobs gets the tickets that it lacks.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from backend.core import metrics
from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.records import Moved
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.states import FINAL
from backend.core.limits.reservations import Reservations
from backend.core.names import GENERATION_LANES, generation_lane
from backend.core.queue import Wake
from backend.core.streams.outsider import OutsiderStream

# A tick comes every second; after a longer silence from the database, holders may not
# have been able to renew either.
_GAP_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a tick did."""

    requeued: int
    ended: int
    expired: int
    tickets: int


class Recovery:
    """Repairs what a crash left behind."""

    def __init__(
        self,
        *,
        transition: JobTransition,
        query: JobQuery,
        wake: Wake,
        outsider: OutsiderStream,
        reservations: Reservations,
        send_ticket: Callable[[str], None],
        lease_ms: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the collaborators."""
        self._transition = transition
        self._query = query
        self._wake = wake
        self._outsider = outsider
        self._reservations = reservations
        self._send_ticket = send_ticket
        self._lease_seconds = lease_ms / 1000
        self._clock = clock
        self._contact_at = -_GAP_SECONDS
        self._patient_until = 0.0

    def tick(self) -> Recovered:
        """Repair what there is.

        Raises:
            DatabaseUnavailableError, redis.RedisError: If either cannot be asked.
        """
        moved = self._leases()
        expired = self._transition.expire()
        for job in [*moved, *expired]:
            self._tell(job)
        ended = sum(job.state in FINAL for job in moved)
        tickets = self._top_up()
        return Recovered(len(moved) - ended, ended, len(expired), tickets)

    def _leases(self) -> list[Moved]:
        """Take back what leases no longer hold.

        After a gap in our own contact with the database the holders get a whole lease
        to renew first: a restart of MySQL would otherwise run everything twice.
        """
        now = self._clock()
        try:
            self._query.queued_count(1)
        except DatabaseUnavailableError:
            self._contact_at = now - _GAP_SECONDS
            raise
        if now - self._contact_at >= _GAP_SECONDS:
            self._patient_until = now + self._lease_seconds
        self._contact_at = now
        if now < self._patient_until:
            return []
        return self._transition.recover()

    def _tell(self, job: Moved) -> None:
        metrics.record_moved(job.state)
        if job.state in FINAL:
            metrics.record_finished(job.kind, job.state)
        self._reservations.settle_moved(job)
        self._outsider.moved(job)

    def _top_up(self) -> int:
        lanes = self._query.lanes_with_due_jobs()
        models = [
            lane.removeprefix(GENERATION_LANES)
            for lane in lanes
            if lane.startswith(GENERATION_LANES)
        ]
        return sum(self._top_up_model(model) for model in models)

    def _top_up_model(self, model: str) -> int:
        load = self._wake.load(model)
        free = load.capacity - load.held
        if free <= 0:
            return 0
        due = self._query.due_count(generation_lane(model), free)
        tickets = max(0, min(due, free) - self._wake.waiting_tickets(model))
        for _ in range(tickets):
            self._send_ticket(model)
        metrics.record_topped_up(tickets)
        return tickets
