"""Snapshots of the nodes that are a second old at most: one look serves many."""

import threading
import time
from collections.abc import Callable

import redis

from backend.core.cluster import Cluster, Snapshot

# Workers publish every 2 s.
_FRESH_SECONDS = 1.0


class RecentSnapshots:
    """What the nodes said a moment ago; for guesses, not for answers."""

    def __init__(
        self, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep the cluster to ask."""
        self._cluster = cluster
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = -_FRESH_SECONDS
        self._snapshots: list[Snapshot] = []

    def get(self) -> list[Snapshot]:
        """Give the snapshots; none while Redis cannot be asked."""
        now = self._clock()
        with self._lock:
            stale = now - self._read_at >= _FRESH_SECONDS
            if stale:
                self._read_at = now
        if stale:
            self._snapshots = self._read()
        return self._snapshots

    def forget(self) -> None:
        """Read again when next asked."""
        with self._lock:
            self._read_at = -_FRESH_SECONDS

    def _read(self) -> list[Snapshot]:
        try:
            return self._cluster.snapshots()
        except redis.RedisError:
            return []
