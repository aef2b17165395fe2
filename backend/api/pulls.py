"""Pulls: which node they go to, and those that the platform itself orders."""

from collections.abc import Collection

from backend.core.identifiers import uuid7
from backend.core.jobs.records import NewJob
from backend.core.jobs.states import Kind, OnDisconnect, Priority
from backend.core.names import node_lane
from backend.core.settings import Settings


def node_for_pull(live: Collection[str], *, preferred: str) -> str:
    """Choose the node of a pull that names none: one that lives, if any does."""
    return preferred if preferred in live or not live else min(live)


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
