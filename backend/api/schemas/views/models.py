"""Models, and the pulls that bring them."""

from typing import Literal

from backend.api.schemas.views.view import View


class PullProgress(View):
    """How far a running pull is, in bytes."""

    job_id: str
    status: str
    completed: int | None
    total: int | None


class ModelView(View):
    """A model and where it is now."""

    name: str
    capabilities: list[str]
    state: Literal["loaded", "on_disk", "unavailable", "pulling"]
    context_length: int | None
    nodes: list[str]
    size_bytes: int | None
    pull: PullProgress | None


class ModelList(View):
    """The models."""

    data: list[ModelView]
    next: None
