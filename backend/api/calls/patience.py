"""How long a call goes on after its server was asked to stop.

Callers of the compatible APIs cannot go on elsewhere, as those of a native stream can:
they get most of the time that a stopping server has, and then an error that says so.
"""

import threading
import time
from collections.abc import Callable

from backend.core.errors import DrainingError

# What is left of the server's time for the error to be sent.
_LAST_SECONDS = 2.0


class Patience:
    """Tells a call when to stop."""

    def __init__(
        self,
        draining: threading.Event,
        *,
        drain_ms: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the sign that the server stops, and how long it takes for that."""
        self._draining = draining
        self._seconds = max(0.0, drain_ms / 1000 - _LAST_SECONDS)
        self._clock = clock
        self._ends_at: float | None = None

    def check(self) -> None:
        """Let the call go on.

        Raises:
            DrainingError: If the server is about to end.
        """
        if not self._draining.is_set():
            return
        now = self._clock()
        if self._ends_at is None:
            self._ends_at = now + self._seconds
        if now >= self._ends_at:
            raise DrainingError(retry_after=1)
