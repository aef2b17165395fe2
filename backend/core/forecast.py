"""How long a queued job will wait: its place, over what the live nodes get done."""

from collections.abc import Iterable

from backend.core.cluster import Snapshot
from backend.core.recent_snapshots import RecentSnapshots


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

    def __init__(self, recent: RecentSnapshots) -> None:
        """Keep what the nodes said a moment ago."""
        self._recent = recent

    def eta_seconds(self, model: str, position: int | None) -> float | None:
        """Guess when a job at that place starts; None if nothing tells."""
        if position is None:
            return None
        speed = jobs_per_second(model, self._recent.get())
        return round(position / speed, 1) if speed else None

    def forget(self) -> None:
        """Read again when next asked."""
        self._recent.forget()
