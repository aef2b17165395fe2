"""Which model makes room when memory is short (pure)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadedModelView:
    """A model in memory; `idle_seconds` None is "nobody here ever used it"."""

    name: str
    size: int
    running: int
    idle_seconds: float | None


@dataclass(frozen=True, slots=True)
class Memory:
    """A node's memory for models, in bytes: of its GPUs, or of the computer."""

    total: int
    used: int

    @property
    def fraction(self) -> float:
        """Tell how full it is, from 0 to 1."""
        return self.used / self.total if self.total else 0.0


def evict(
    memory: Memory,
    loaded: Sequence[LoadedModelView],
    *,
    threshold: float,
    kept: Collection[str],
) -> str | None:
    """Choose the least recently used idle model, if memory is above the threshold.

    One at a time: the next look sees what that freed. Models that are kept (the preload
    list) or answer something are never chosen, and nothing is deleted from disk.
    """
    if memory.fraction <= threshold:
        return None
    idle = [model for model in loaded if model.name not in kept and model.running == 0]
    if not idle:
        return None
    return max(idle, key=_idleness).name


def _idleness(model: LoadedModelView) -> tuple[float, int]:
    never = float("inf")
    seconds = never if model.idle_seconds is None else model.idle_seconds
    return seconds, model.size
