"""Pulls that the platform itself orders."""

from backend.core.identifiers import uuid7
from backend.core.jobs.records import NewJob
from backend.core.jobs.states import Kind, OnDisconnect, Priority
from backend.core.names import node_lane
from backend.core.settings import Settings


def new_pull(settings: Settings, model: str, *, owner_id: int, node: str) -> NewJob:
    """Make the job that brings a model to a node."""
    return NewJob(
        id=uuid7(),
        owner_id=owner_id,
        key_id=None,
        kind=Kind.PULL,
        model=model,
        requested_model=model,
        lane=node_lane(node),
        request=b"{}",
        cost=1,
        weight=1.0,
        priority=Priority.NORMAL,
        on_disconnect=OnDisconnect.CONTINUE,
        queue_ms=settings.queue_timeout,
        deadline_ms=settings.job_deadline,
    )
