"""Whether a caller may have a model unloaded, and where (pure).

What stays in memory is the platform's to decide. An administrator may have any model
unloaded; what others ask is done where it takes nothing from anybody: the model is not
one to be kept, and nobody uses it or waits for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from backend.core.catalogue import KnownModel
from backend.core.cluster import Snapshot
from backend.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Wish:
    """Which model shall go, and what is in its way."""

    model: str
    by_admin: bool
    is_kept: bool
    is_waited_for: bool


def removable(wish: Wish, snapshots: Iterable[Snapshot]) -> set[str]:
    """Name the nodes whose memory the model may leave."""
    holding = [
        (snapshot.node, model.running)
        for snapshot in snapshots
        for model in snapshot.loaded
        if model.name == wish.model
    ]
    nodes = {node for node, _ in holding}
    if wish.by_admin:
        return nodes
    if wish.is_kept or wish.is_waited_for:
        return set()
    return nodes - {node for node, running in holding if running}


def is_kept(model: KnownModel, settings: Settings) -> bool:
    """Tell whether the platform wants a model to stay."""
    forever = model.keep_alive_seconds is not None and model.keep_alive_seconds < 0
    listed = model.name in settings.model_preload_list
    return model.preload or forever or (settings.model_preload_enabled and listed)
