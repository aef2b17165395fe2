"""How many jobs may wait: in all, and of one key.

Nobody counts the queue for a single request: what one of them counted holds for all of
its process for a second, or longer where counting takes long. So the bounds may be
passed by what comes within that time.
"""

import time
from collections.abc import Callable

from backend.core.errors import QueueFullError
from backend.core.jobs.repository.query import JobQuery

# How old a count may be, and how much longer than it took.
_COUNT_SECONDS = 1.0
_RESTS = 20
_RETRY_SECONDS = 30


class QueueRoom:
    """Refuses jobs when too many wait."""

    def __init__(
        self,
        query: JobQuery,
        *,
        max_queued: int,
        max_queued_per_key: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the bounds; 0 per key is none."""
        self._query = query
        self._most = max_queued
        self._most_per_key = max_queued_per_key
        self._clock = clock
        self._count_at = clock()
        self._length = 0
        self._by_key: dict[int, int] = {}

    def check(self, key_id: int | None) -> None:
        """Let a job of a key pass.

        Raises:
            QueueFullError: If too many wait.
        """
        if self._clock() >= self._count_at:
            self._count()
        if self._length >= self._most:
            raise QueueFullError(
                f"{self._length} jobs are waiting, and no more than {self._most} may;"
                " try again later.",
                queue_length=self._length,
                retry_after=_RETRY_SECONDS,
            )
        if key_id is not None and (own := self._by_key.get(key_id)) is not None:
            raise QueueFullError(
                f"{own} of the {self._length} jobs that are waiting are of this key,"
                f" and no more than {self._most_per_key} may be; try again later.",
                queue_length=self._length,
                retry_after=_RETRY_SECONDS,
            )

    def _count(self) -> None:
        began = self._clock()
        # Only who comes first counts; those who come meanwhile go by the old count.
        self._count_at = began + _COUNT_SECONDS
        self._length = self._query.queued_count(self._most)
        self._by_key = self._full_keys()
        took = self._clock() - began
        self._count_at = began + max(_COUNT_SECONDS, _RESTS * took)

    def _full_keys(self) -> dict[int, int]:
        """Count by key, but only where there can be a key that has too many."""
        most = self._most_per_key
        if not most or self._length < most:
            return {}
        return self._query.queued_by_key(at_least=most)
