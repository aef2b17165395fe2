"""Keys, as administrators see them."""

from pydantic import AwareDatetime, Field

from backend.api.schemas.views.view import View


class KeyView(View):
    """A key without its secret."""

    id: int
    user: str
    name: str
    prefix: str
    scopes: list[str]
    highest_priority: str
    allowed_models: list[str] | None
    weight: float
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    disabled_at: AwareDatetime | None


class NewKeyView(KeyView):
    """A key that was made this moment."""

    key: str = Field(description="The secret; it is never shown again.")


class KeyList(View):
    """The keys."""

    data: list[KeyView]
    next: None
