"""Whether the API lives, and has what it needs."""

from typing import Literal

from backend.api.schemas.views.view import View


class Health(View):
    """The process answers."""

    status: Literal["ok"]
    service: str
    version: str


class Readiness(View):
    """What the API needs, and whether it is there."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str]
