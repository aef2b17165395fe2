"""Whether the consumer still hears: tickets wait, and nobody takes one (JOBS.md 25)."""

import threading
import time
from collections.abc import Callable

import redis

from backend.core.queue import Wake
from worker.generation.models import NodeModels
from worker.holdings import Holdings


class ConsumerWatch:
    """Tells when the consumer last proved that it is not deaf.

    "Consumed nothing" counts only while tickets wait and a thread and a slot are free.
    """

    def __init__(
        self,
        *,
        tickets_wait: Callable[[], bool],
        last_taken: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep what to ask.

        Args:
            tickets_wait: Whether a ticket waits that this worker should take.
            last_taken: When it last took one: under load another waits at each look.
            clock: That of `last_taken`.
        """
        self._tickets_wait = tickets_wait
        self._last_taken = last_taken
        self._clock = clock
        self._idle_since: float | None = None

    def last_seen(self) -> float:
        """Give the moment since which tickets have waited in vain; now if none."""
        now = self._clock()
        if not self._tickets_wait():
            self._idle_since = None
            return now
        self._idle_since = max(self._idle_since or now, self._last_taken())
        return self._idle_since


class WaitingTickets:
    """Tells whether a ticket waits that this process has a thread and a slot for."""

    def __init__(
        self,
        *,
        wake: Wake,
        models: NodeModels,
        holdings: Holdings,
        concurrency: int,
        draining: threading.Event,
    ) -> None:
        """Keep what to look at."""
        self._wake = wake
        self._models = models
        self._holdings = holdings
        self._concurrency = concurrency
        self._draining = draining

    def __call__(self) -> bool:
        """Look; what Redis cannot tell is held against nobody."""
        held = [slot.model for slot in self._holdings.slots()]
        if len(held) >= self._concurrency or self._draining.is_set():
            return False
        # The slots that others hold do not count: a ticket that finds none is taken.
        free = [
            model
            for model in self._models.served()
            if held.count(model) < self._models.slots(model)
        ]
        try:
            return any(self._wake.waiting_tickets(model) for model in free)
        except redis.RedisError:
            return False
