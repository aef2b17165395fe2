"""The models as callers see them: catalogue, disks, memory and running pulls (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from backend.core.catalogue import KnownModel
from backend.core.cluster import Snapshot
from backend.core.jobs.records import JobRecord
from backend.core.models import InstalledModel

View = dict[str, Any]  # a model as JSON


@dataclass(frozen=True, slots=True)
class Sources:
    """Where models are heard of; `snapshots` is None while Redis cannot be asked."""

    known: dict[str, KnownModel]
    installed: list[InstalledModel]
    snapshots: list[Snapshot] | None
    pulls: list[JobRecord]


def model_views(sources: Sources, names: Iterable[str]) -> list[View]:
    """Show the models of these names, in order."""
    return [_view(name, sources) for name in sorted(set(names))]


def names_of(sources: Sources) -> set[str]:
    """Give all names: those of the catalogue, and those being brought in."""
    return {*sources.known, *(pull.model for pull in sources.pulls)}


def _view(name: str, sources: Sources) -> View:
    known = sources.known.get(name)
    capabilities = known.capabilities if known else None
    nodes = _nodes(name, sources)
    pull = next((pull for pull in sources.pulls if pull.model == name), None)
    return {
        "name": name,
        "capabilities": sorted(capabilities or ()),
        "state": _state(name, sources, nodes, pull),
        "context_length": known.context_length if known else None,
        "nodes": nodes,
        "size_bytes": _size(name, sources.installed),
        "pull": None if pull is None else _pull(pull),
    }


def _nodes(name: str, sources: Sources) -> list[str]:
    """Name the live nodes that have it; while nothing is heard, those that had it."""
    if sources.snapshots is None:
        return sorted(row.node for row in sources.installed if row.model == name)
    return sorted({s.node for s in sources.snapshots if name in s.on_disk})


def _state(
    name: str, sources: Sources, nodes: list[str], pull: JobRecord | None
) -> str:
    loaded = (m.name for s in sources.snapshots or () for m in s.loaded)
    if name in set(loaded):
        return "loaded"
    if nodes:
        return "on_disk"
    return "unavailable" if pull is None else "pulling"


def _size(name: str, installed: list[InstalledModel]) -> int | None:
    return max((row.size_bytes for row in installed if row.model == name), default=None)


def _pull(pull: JobRecord) -> View:
    progress = pull.progress or {}
    return {
        "job_id": pull.id,
        "status": progress.get("status") or pull.state,
        "completed": progress.get("completed"),
        "total": progress.get("total"),
    }
