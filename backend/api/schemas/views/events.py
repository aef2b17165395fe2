"""Events of a job, as polling gives them."""

from typing import Literal

from backend.api.schemas.views.view import Object, View
from backend.core.jobs.states import State


class Event(View):
    """An event of a job: `state`, `tokens`, `reset` or `end`."""

    id: str | None
    event: Literal["state", "tokens", "reset", "end"]
    data: Object


class EventsPage(View):
    """Events after a place, and the place to ask from next."""

    state: State
    events: list[Event]
    next: str
