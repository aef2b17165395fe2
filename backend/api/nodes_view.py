"""How a node is shown, from what its workers published."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from backend.core.cluster import LoadedState, Snapshot

_OF_WORKERS = ("incarnation", "worker", "version", "running", "concurrency")
# Ollama writes "for ever" as a date some 292 years on; nobody asks for a century.
_FOR_EVER_SECONDS = 100 * 365 * 86_400


def view(name: str, snapshots: list[Snapshot]) -> dict[str, Any]:
    """Show a node as the newest of its workers' snapshots has it."""
    newest = max(snapshots, key=lambda snapshot: snapshot.published_at)
    ours = {"node", "published_at", *_OF_WORKERS}
    return {
        "id": name,
        "state": "ready" if newest.ollama_ok else "degraded",
        "simulated": any(snapshot.simulated for snapshot in snapshots),
        **{key: value for key, value in asdict(newest).items() if key not in ours},
        "loaded": [_loaded(model, newest.published_at) for model in newest.loaded],
        "workers": [
            {field: getattr(snapshot, field) for field in _OF_WORKERS}
            for snapshot in snapshots
        ],
    }


def _loaded(model: LoadedState, now: float) -> dict[str, Any]:
    shown = asdict(model)
    if model.expires_at is not None:
        ends = datetime.fromisoformat(model.expires_at)
        if ends.timestamp() - now > _FOR_EVER_SECONDS:
            shown["expires_at"] = None
    return shown
