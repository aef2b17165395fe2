"""The heartbeat: leases, slots and cancel flags of what this process holds (JOBS.md 5).

It renews exactly the (job, attempt) pairs that are held, every 2 s for 6 s, and learns
in the same round which of them are no longer ours or shall be cancelled.
"""

import threading
import time
from collections.abc import Callable

import redis
import structlog

from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.states import State
from backend.core.queue import Slot, Wake
from backend.core.streams.outsider import CANCEL_CHANNEL
from worker.holdings import AbortReason, Holding, Holdings

log = structlog.get_logger()

_RECONNECT_SECONDS = 0.5


class Heartbeat:
    """Keeps this process's jobs and slots alive."""

    def __init__(
        self,
        *,
        transition: JobTransition,
        wake: Wake,
        holdings: Holdings,
        incarnation: str,
        lease_ms: int,
        interval_seconds: float,
    ) -> None:
        """Keep the collaborators."""
        self._transition = transition
        self._wake = wake
        self._holdings = holdings
        self._incarnation = incarnation
        self._lease_ms = lease_ms
        self._interval = interval_seconds
        self._stopped = threading.Event()
        self.last_seen = time.monotonic()

    def run(self) -> None:
        """Beat until stopped."""
        while not self._stopped.wait(self._interval):
            self.beat()
            self.last_seen = time.monotonic()

    def stop(self) -> None:
        """End after the present beat."""
        self._stopped.set()

    def beat(self) -> None:
        """Renew everything once; an outage is logged and tried again next time."""
        try:
            self._renew_jobs(self._holdings.jobs())
        except DatabaseUnavailableError as error:
            log.warning("leases_not_renewed", error=error.detail)
        try:
            self._renew_slots(self._holdings.slots())
        except redis.RedisError as error:
            log.warning("slots_not_renewed", error=str(error))

    def _renew_slots(self, held: list[Slot]) -> None:
        self._wake.renew_slots(held, lease_ms=self._lease_ms)
        still_held = self._holdings.slots()
        for slot in held:
            if slot not in still_held:
                # Freed in this very moment: renewing put it back.
                self._wake.free_slot(slot)

    def _renew_jobs(self, held: list[Holding]) -> None:
        if not held:
            return
        pairs = [(holding.job.id, holding.job.attempt) for holding in held]
        self._transition.renew(pairs, owner=self._incarnation, ms=self._lease_ms)
        rows = self._transition.standing([job_id for job_id, _ in pairs])
        standing = {row[0]: row for row in rows}
        for holding in held:
            reason = _verdict(holding, standing.get(holding.job.id))
            if reason is not None:
                self._holdings.abort([holding], reason)


def _verdict(
    holding: Holding, row: tuple[str, int, State, bool] | None
) -> AbortReason | None:
    """Read from the row whether the job is still ours, and wanted."""
    if row is None:
        return AbortReason.SUPERSEDED
    _, attempt, state, cancel_asked = row
    if state is not State.RUNNING or attempt != holding.job.attempt:
        return AbortReason.SUPERSEDED
    return AbortReason.CANCELLED if cancel_asked else None


class CancelListener:
    """Hears of cancels at once; the flag in the row is what counts (JOBS.md 7)."""

    def __init__(
        self,
        client: redis.Redis,
        holdings: Holdings,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep the client to subscribe with."""
        self._client = client
        self._holdings = holdings
        self._sleep = sleep
        self._stopping = False

    def run(self) -> None:
        """Listen until stopped; without Redis the heartbeat finds the flag."""
        while not self._stopping:
            try:
                self._listen()
            except redis.RedisError as error:
                log.warning("cancel_subscription_lost", error=str(error))
                self._sleep(_RECONNECT_SECONDS)

    def stop(self) -> None:
        """End within a second."""
        self._stopping = True

    def _listen(self) -> None:
        with self._client.pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.subscribe(CANCEL_CHANNEL)
            while not self._stopping:
                message = pubsub.get_message(timeout=1.0)
                if message is not None:
                    self._cancel(message["data"].decode())

    def _cancel(self, job_id: str) -> None:
        holding = self._holdings.find(job_id)
        if holding is not None:
            self._holdings.abort([holding], AbortReason.CANCELLED)
