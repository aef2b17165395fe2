"""Work of nodes that a caller asks for and waits for: unloads, copies, removals."""

from typing import Any

import orjson
from flask import g

from backend.api.container import services
from backend.core.identifiers import uuid7
from backend.core.jobs.records import NewJob
from backend.core.jobs.states import Kind, OnDisconnect, Priority, Protocol
from backend.core.keys import Caller
from backend.core.names import node_lane

# A node does its works one after the other, and one may be a download.
_MS = 60_000


def node_job(
    kind: Kind,
    model: str,
    *,
    caller: Caller,
    node: str,
    request: dict[str, Any] | None = None,
) -> NewJob:
    """Make a job of a node's own work, as Ollama's protocol asks for it."""
    return NewJob(
        id=uuid7(),
        owner_id=caller.user_id,
        key_id=caller.key_id,
        kind=kind,
        model=model,
        requested_model=model,
        lane=node_lane(node),
        request=orjson.dumps(request or {}),
        cost=1,
        weight=caller.weight,
        priority=min(Priority.NORMAL, caller.highest_priority),
        on_disconnect=OnDisconnect.CONTINUE,
        queue_ms=min(_MS, services().settings.queue_timeout),
        deadline_ms=_MS,
        request_id=g.request_id,
        protocol=Protocol.OLLAMA,
    )
