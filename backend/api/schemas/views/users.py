"""Users, as administrators see them."""

from pydantic import AwareDatetime

from backend.api.schemas.views.view import View


class AccountView(View):
    """A user and its standing."""

    id: int
    name: str
    role: str
    has_password: bool
    created_at: AwareDatetime
    disabled_at: AwareDatetime | None


class AccountList(View):
    """The users."""

    data: list[AccountView]
    next: None
