"""Keys, as their owner sees them."""

from pydantic import AwareDatetime, Field

from backend.api.schemas.views.view import View


class OwnKeyDetails(View):
    """One of the caller's keys, without its secret."""

    id: int
    made_with: int | None = Field(
        description="The key that it was made with, and with which it is disabled; of"
        " log-ins a hidden one. Null if an administrator made it."
    )
    name: str
    prefix: str
    scopes: list[str]
    highest_priority: str
    allowed_models: list[str] | None
    weight: float
    rpm: int | None
    tpm: int | None
    daily_tokens: int | None
    max_concurrency: int | None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    disabled_at: AwareDatetime | None


class NewOwnKeyView(OwnKeyDetails):
    """A key that was made this moment."""

    key: str = Field(description="The secret; it is never shown again.")


class OwnKeyList(View):
    """The caller's keys."""

    data: list[OwnKeyDetails]
    next: None
