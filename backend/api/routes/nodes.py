"""The nodes, as their workers see them now."""

from dataclasses import asdict
from typing import Any

import redis
from flask import Blueprint, Response

from backend.api.answers import listed
from backend.api.container import services
from backend.core.cluster import Snapshot
from backend.core.errors import QueueUnavailableError

blueprint = Blueprint("nodes", __name__, url_prefix="/api/v1/nodes")
_OF_WORKERS = ("incarnation", "worker", "version", "running", "concurrency")


@blueprint.get("")
def list_nodes() -> Response:
    """List the nodes that live; "Redis is down" is not "no nodes"."""
    try:
        nodes = services().cluster.by_node()
    except redis.RedisError as error:
        raise QueueUnavailableError(
            "Redis cannot be reached, so nobody knows the nodes.", retry_after=5
        ) from error
    return listed([_view(name, nodes[name]) for name in sorted(nodes)])


def _view(name: str, snapshots: list[Snapshot]) -> dict[str, Any]:
    newest = asdict(max(snapshots, key=lambda snapshot: snapshot.published_at))
    ours = {"node", "published_at", *_OF_WORKERS}
    return {
        "id": name,
        "state": "ready" if newest["ollama_ok"] else "degraded",
        "simulated": any(snapshot.simulated for snapshot in snapshots),
        **{key: value for key, value in newest.items() if key not in ours},
        "workers": [
            {field: getattr(snapshot, field) for field in _OF_WORKERS}
            for snapshot in snapshots
        ],
    }
