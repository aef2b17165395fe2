"""Keys, as administrators see them."""

from pydantic import AwareDatetime, Field

from backend.api.schemas.views.view import View


class LimitView(View):
    """One limit, and how the key stands; the numbers are null while Redis is away."""

    limit: int
    used: int | None = Field(
        description="With what is held back for jobs under way; keys of one rotation"
        " chain share it, and all keys of a user its limits."
    )
    remaining: int | None
    reset_seconds: float | None = Field(
        description="Until nothing of it is used any more, as far as that is known."
    )


class LimitsView(View):
    """The limits of a key or user; null where there is none."""

    rpm: LimitView | None
    tpm: LimitView | None
    daily_tokens: LimitView | None
    max_concurrency: LimitView | None


class KeyView(View):
    """A key without its secret."""

    id: int
    lineage_id: int = Field(
        description="The first key of its rotation chain; its keys share their limits."
    )
    made_with: int | None = Field(
        description="The key that its user made it with, and with which it is disabled;"
        " of log-ins a hidden one. Null if an administrator made it."
    )
    user: str
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


class NewKeyView(KeyView):
    """A key that was made this moment."""

    key: str = Field(description="The secret; it is never shown again.")


class StandingKeyView(KeyView):
    """A key and how it stands."""

    limits: LimitsView


class KeyList(View):
    """The keys."""

    data: list[KeyView]
    next: None
