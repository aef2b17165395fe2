"""Claiming the embedding jobs that go into one call (JOBS.md 12).

    look ► wait a moment, if more are expected, and look again ► claim all at once

Nothing is held while it waits: what is cancelled or expires meanwhile is not claimed,
and a drain ends the wait.
"""

import threading
import time
from collections.abc import Callable

from backend.core.jobs.records import Claimed, Due
from backend.core.names import generation_lane
from worker.generation.joining import (
    MOST_BYTES,
    LastCall,
    expected,
    joinable,
    pause,
)
from worker.generation.ledger import Ledger


class Gatherer:
    """Claims for one call at a time, and remembers each model's last."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        batch_size: int,
        wait_ms: int,
        draining: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the most jobs of a call and the longest wait for them."""
        self._ledger = ledger
        self._size = batch_size
        self._wait = wait_ms / 1000
        self._draining = draining
        self._clock = clock
        self._last: dict[str, LastCall] = {}

    def called(self, model: str, *, jobs: int, seconds: float) -> None:
        """Take note of a call that was answered."""
        self._last[model] = LastCall(jobs, seconds, self._clock())

    def expects_company(self, model: str) -> bool:
        """Tell whether a job that has just come will not be the only one."""
        return expected(self._last.get(model), self._clock()) > 1

    def claim(self, model: str) -> list[Claimed]:
        """Claim the best due job of a model, and those that can be asked with it.

        Raises:
            DatabaseUnavailableError: If the database cannot be asked.
        """
        while chosen := self._look(model):
            if seconds := self._pause(model, len(chosen)):
                if self._draining.wait(seconds):
                    return []
                chosen = self._look(model)
            # What others took meanwhile is looked past.
            if claimed := self._ledger.take(chosen):
                return claimed
        return []

    def _pause(self, model: str, found: int) -> float:
        last, now = self._last.get(model), self._clock()
        return pause(self._wait, found=found, size=self._size, last=last, now=now)

    def _look(self, model: str) -> list[Due]:
        # Twice as many as are wanted: not all agree with the first.
        lane, limit = generation_lane(model), 2 * self._size - 1
        due = self._ledger.look(lane, limit, most_bytes=MOST_BYTES)
        if due and not due[0].request:
            due = self._ledger.look(lane, 1)
        return joinable(due, size=self._size)
