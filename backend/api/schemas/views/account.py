"""Who calls, and with what."""

from pydantic import AwareDatetime

from backend.api.schemas.views.keys import LimitsView
from backend.api.schemas.views.view import View


class UserView(View):
    """A user."""

    id: int
    name: str
    role: str


class CallingUserView(UserView):
    """A user and how it stands."""

    limits: LimitsView


class OwnKeyView(View):
    """The key that was sent, or that stands for the user's log-ins."""

    id: int
    prefix: str
    name: str
    scopes: list[str]
    expires_at: AwareDatetime | None
    limits: LimitsView
    is_login: bool


class Me(View):
    """Who calls."""

    user: CallingUserView
    key: OwnKeyView


class SessionView(View):
    """A token that is as good as a key, until it expires or what opened it does."""

    token: str
    expires_at: AwareDatetime
    user: UserView
