"""The nodes, as their workers see them now."""

import redis
from flask import Blueprint, Response

from backend.api.answers import listed
from backend.api.container import services
from backend.api.nodes_view import view
from backend.core.errors import QueueUnavailableError

blueprint = Blueprint("nodes", __name__, url_prefix="/api/v1/nodes")


@blueprint.get("")
def list_nodes() -> Response:
    """List the nodes that live; "Redis is down" is not "no nodes"."""
    try:
        nodes = services().cluster.by_node()
    except redis.RedisError as error:
        raise QueueUnavailableError(
            "Redis cannot be reached, so nobody knows the nodes.", retry_after=5
        ) from error
    return listed([view(name, nodes[name]) for name in sorted(nodes)])
