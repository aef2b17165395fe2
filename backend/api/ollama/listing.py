"""Models as Ollama lists them: on disk, in memory, and each in full (pure)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from backend.core.catalogue import KnownModel
from backend.core.cluster import LoadedState, Snapshot
from backend.core.models import InstalledModel

Json = dict[str, Any]
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def on_disk(
    rows: Iterable[InstalledModel], known: Mapping[str, KnownModel]
) -> list[Json]:
    """List the known models on disks, the latest first; each once."""
    return [
        _installed(row, known[row.model]) for row in _latest(rows) if row.model in known
    ]


def in_memory(
    snapshots: Iterable[Snapshot],
    rows: Iterable[InstalledModel],
    known: Mapping[str, KnownModel],
) -> list[Json]:
    """List the known models in memory, the one that stays longest first; each once."""
    installed = {row.model: row for row in reversed(_latest(rows))}
    staying = sorted(
        (model for snapshot in snapshots for model in snapshot.loaded),
        key=lambda model: _moment(model.expires_at),
    )
    by_name = {model.name: model for model in staying if model.name in known}
    return [
        _loaded(model, installed.get(model.name))
        for model in sorted(
            by_name.values(), key=lambda m: _moment(m.expires_at), reverse=True
        )
    ]


def in_full(description: str | None, row: InstalledModel, known: KnownModel) -> Json:
    """Say all that is known of a model, even if its node could not describe it."""
    shown = orjson.loads(description) if description else {}
    usual = {
        "details": _details(row),
        "model_info": {},
        "capabilities": sorted(known.capabilities or ()),
        "modified_at": _modified(row),
    }
    return shown | {n: value for n, value in usual.items() if n not in shown}


def _latest(rows: Iterable[InstalledModel]) -> list[InstalledModel]:
    ordered = sorted(rows, key=lambda row: (_moment(row.modified_at), row.node))
    by_model = {row.model: row for row in ordered}
    return sorted(
        by_model.values(), key=lambda row: _moment(row.modified_at), reverse=True
    )


def _installed(row: InstalledModel, known: KnownModel) -> Json:
    return {
        "name": row.model,
        "model": row.model,
        "modified_at": _modified(row),
        "size": row.size_bytes,
        "digest": row.digest,
        "details": _details(row),
        "capabilities": sorted(known.capabilities or ()),
    }


def _loaded(model: LoadedState, row: InstalledModel | None) -> Json:
    return {
        "name": model.name,
        "model": model.name,
        "size": model.size,
        "digest": row.digest if row else "",
        "details": _details(row) if row else {},
        "expires_at": (model.expires_at or "").replace("+00:00", "Z"),
        "size_vram": model.size_vram,
        "context_length": model.context_length or 0,
    }


def _details(row: InstalledModel) -> Json:
    details: Json = orjson.loads(row.details) if row.details else {}
    return details


def _modified(row: InstalledModel) -> str:
    return row.modified_at or row.seen_at.isoformat().replace("+00:00", "Z")


def _moment(text: str | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return _LONG_AGO
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
