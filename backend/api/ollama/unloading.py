"""Whether a caller may have a model unloaded, and where (pure).

What stays in memory is the platform's to decide. An administrator may have any model
unloaded; what others ask is done where it takes nothing from anybody: the model is not
one to be kept, and no job of it waits or runs.
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
    is_busy: bool


def removable(wish: Wish, snapshots: Iterable[Snapshot]) -> set[str]:
    """Name the nodes whose memory the model may leave: all that have it on disk.

    Whether it is in memory a snapshot may be too old to tell.
    """
    if not wish.by_admin and (wish.is_kept or wish.is_busy):
        return set()
    return {s.node for s in snapshots if wish.model in s.on_disk}


def is_kept(model: KnownModel, settings: Settings) -> bool:
    """Tell whether the platform wants a model to stay."""
    forever = model.keep_alive_seconds is not None and model.keep_alive_seconds < 0
    listed = model.name in settings.model_preload_list
    return model.preload or forever or (settings.model_preload_enabled and listed)
