"""Stopping without losing anything (JOBS.md 24).

On SIGTERM the worker stops consuming, turns claim nothing more and do not linger;
running jobs get their time, then their sockets are shut and they are handed back at no
cost. The heartbeat goes on until the last.
"""

import threading
import time

import structlog

from worker.holdings import AbortReason, Holdings

log = structlog.get_logger()

# How long the last hand-backs may take once the sockets are shut.
_HAND_BACK_SECONDS = 5.0
_LOOK_SECONDS = 0.05


class Drain:
    """Begins once, and cuts off what is left when the time is over."""

    def __init__(
        self, draining: threading.Event, holdings: Holdings, *, timeout_ms: int
    ) -> None:
        """Keep the flag that everybody looks at."""
        self._draining = draining
        self._holdings = holdings
        self._timeout = timeout_ms / 1000

    def begin(self) -> None:
        """Claim nothing more from now on."""
        if self._draining.is_set():
            return
        self._draining.set()
        log.info("drain_began", jobs=len(self._holdings.jobs()))
        threading.Thread(target=self._cut_off, name="drain", daemon=True).start()

    def _cut_off(self) -> None:
        time.sleep(self._timeout)
        self.cut_off()

    def wait(self) -> None:
        """Wait until nothing is held: node work runs outside of Celery's threads."""
        ends_at = time.monotonic() + self._timeout + _HAND_BACK_SECONDS
        while self._holdings.jobs() and time.monotonic() < ends_at:
            time.sleep(_LOOK_SECONDS)

    def cut_off(self) -> None:
        """Hand back what still runs."""
        left = self._holdings.jobs()
        log.info("drain_cut_off", jobs=len(left))
        self._holdings.abort(left, AbortReason.DRAIN)
