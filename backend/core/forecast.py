"""How long a queued job will wait: its place, over what the live nodes get done."""

import threading
import time
from collections.abc import Callable, Iterable

import redis

from backend.core.cluster import Cluster, Snapshot

# How old the snapshots may be that a guess goes by; workers publish every 2 s.
_FRESH_SECONDS = 1.0


def jobs_per_second(model: str, snapshots: Iterable[Snapshot]) -> float:
    """Add up what the nodes finish of a model: slots over seconds per job.

    Several workers of a node share its slots, so each node counts once.
    """
    by_node = {
        snapshot.node: snapshot.slots.get(model, 0) / pace
        for snapshot in snapshots
        if (pace := snapshot.pace_seconds.get(model, 0)) > 0
    }
    return sum(by_node.values())


class Forecast:
    """Guesses waits from snapshots that are a second old at most."""

    def __init__(
        self, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep the cluster to ask."""
        self._cluster = cluster
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = -_FRESH_SECONDS
        self._snapshots: list[Snapshot] = []

    def eta_seconds(self, model: str, position: int | None) -> float | None:
        """Guess when a job at that place starts; None if nothing tells."""
        if position is None:
            return None
        speed = jobs_per_second(model, self._fresh())
        return round(position / speed, 1) if speed else None

    def forget(self) -> None:
        """Read again when next asked."""
        with self._lock:
            self._read_at = -_FRESH_SECONDS

    def _fresh(self) -> list[Snapshot]:
        now = self._clock()
        with self._lock:
            stale = now - self._read_at >= _FRESH_SECONDS
            if stale:
                self._read_at = now
        if stale:
            self._snapshots = self._read()
        return self._snapshots

    def _read(self) -> list[Snapshot]:
        try:
            return self._cluster.snapshots()
        except redis.RedisError:
            # A guess, not an answer: without Redis there is none.
            return []
