"""Who calls, and with what."""

from pydantic import AwareDatetime

from backend.api.schemas.views.keys import LimitsView
from backend.api.schemas.views.view import View


class UserView(View):
    """A user."""

    id: int
    name: str


class OwnKeyView(View):
    """The key that was sent."""

    id: int
    prefix: str
    name: str
    scopes: list[str]
    expires_at: AwareDatetime | None
    limits: LimitsView


class Me(View):
    """Who calls."""

    user: UserView
    key: OwnKeyView


class SessionView(View):
    """A token that is as good as the key, until it expires or the key does."""

    token: str
    expires_at: AwareDatetime
    user: UserView
