"""Scheduled tasks."""

from typing import Literal

from pydantic import AwareDatetime

from backend.api.schemas.views.view import Object, View


class RunView(View):
    """The last run of a scheduled task."""

    name: str
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    duration_ms: int | None
    outcome: str | None
    detail: Object | None


class Sent(View):
    """A task was asked for."""

    name: str
    status: Literal["sent"]


class RunList(View):
    """The scheduled tasks."""

    data: list[RunView]
    next: None
