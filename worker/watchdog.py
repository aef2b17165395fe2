"""Ends the process when one of its threads stalls (JOBS.md 25).

A stalled container is only "unhealthy", and nobody restarts it; one that exits is. What
it held goes back to the queue when its leases end.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h: something inside went wrong.


@dataclass(frozen=True, slots=True)
class Watched:
    """A thread's last sign of life, and how long it may be silent."""

    last_seen: Callable[[], float]
    patience_seconds: float


def stalled(watched: Mapping[str, Watched], now: float) -> list[str]:
    """Name what has been silent for too long (pure)."""
    return [
        name
        for name, one in watched.items()
        if now - one.last_seen() > one.patience_seconds
    ]


class Watchdog:
    """Looks at all threads every two seconds."""

    def __init__(
        self,
        watched: Mapping[str, Watched],
        *,
        interval_seconds: float = 2.0,
        end: Callable[[int], None] = os._exit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep what to watch and how to end the process."""
        self._watched = watched
        self._interval = interval_seconds
        self._end = end
        self._clock = clock
        self._stopped = threading.Event()
        self._looked_at = clock()

    def run(self) -> None:
        """Watch until stopped."""
        while not self._stopped.wait(self._interval):
            self.look()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def look(self) -> None:
        """End the process if something stalled.

        When this thread itself was not running (a paused process or machine), nobody
        else was: they get a full interval before they are judged.
        """
        now = self._clock()
        paused = now - self._looked_at > 2 * self._interval
        self._looked_at = now
        silent = [] if paused else stalled(self._watched, now)
        if silent:
            log.error("threads_stalled", threads=silent)
            self._end(EXIT_CODE)
