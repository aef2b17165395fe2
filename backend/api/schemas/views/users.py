"""Users, as administrators see them."""

from pydantic import AwareDatetime

from backend.api.schemas.views.keys import LimitsView
from backend.api.schemas.views.view import View


class AccountView(View):
    """A user, and what bounds its keys."""

    id: int
    name: str
    role: str
    has_password: bool
    highest_priority: str
    allowed_models: list[str] | None
    weight: float
    rpm: int | None
    tpm: int | None
    daily_tokens: int | None
    max_concurrency: int | None
    created_at: AwareDatetime
    disabled_at: AwareDatetime | None


class StandingAccountView(AccountView):
    """A user and how it stands."""

    limits: LimitsView


class AccountList(View):
    """The users."""

    data: list[AccountView]
    next: None
