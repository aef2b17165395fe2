"""The bodies of requests about keys and sessions."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from backend.api.schemas.moments import Expiry
from backend.api.schemas.patterns import KEY_NAME, USER_NAME
from backend.api.schemas.strict import ModelName, Strict
from backend.core.names import canonical_model

ScopeName = Literal["inference", "read", "admin"]
_USUAL: tuple[ScopeName, ...] = ("inference", "read")
# What a column of the database holds.
_MOST = 2**31 - 1
_OVERLAP_SECONDS = 86_400
_LONGEST_OVERLAP_SECONDS = 90 * 86_400


def _distinct(scopes: list[ScopeName]) -> list[ScopeName]:
    return list(dict.fromkeys(scopes))


def _canonical(models: list[str]) -> list[str]:
    return list(dict.fromkeys(map(canonical_model, models)))


KeyName = Annotated[str, Field(min_length=1, max_length=64, pattern=KEY_NAME)]
Scopes = Annotated[
    list[ScopeName], Field(min_length=1, max_length=3), AfterValidator(_distinct)
]
Weight = Annotated[float, Field(ge=0.01, le=100)]
PriorityName = Literal["low", "normal", "high"]
Models = Annotated[list[ModelName], Field(max_length=1_000), AfterValidator(_canonical)]
Count = Annotated[int, Field(ge=1, le=_MOST)]


class LimitFields(Strict):
    """What a key may use, or a user with all keys together; null does not limit."""

    rpm: Count | None = Field(default=None, description="Requests in any 60 s.")
    tpm: Count | None = Field(
        default=None,
        description="Tokens in any 60 s: a prompt's and the most that it lets be"
        " generated, until the job has ended; then those that it took.",
    )
    daily_tokens: Count | None = Field(
        default=None, description="Tokens in a day (UTC)."
    )
    max_concurrency: Count | None = Field(
        default=None, description="Jobs that are queued or run."
    )


class NewKey(LimitFields):
    """A key to make; its secret is shown once, in the answer."""

    user: str = Field(min_length=1, max_length=64, pattern=USER_NAME)
    name: KeyName
    scopes: Scopes = Field(default_factory=lambda: list(_USUAL))
    expires_at: Expiry | None = None
    weight: Weight = 1.0
    highest_priority: PriorityName = "high"
    allowed_models: Models | None = None


class KeyChanges(LimitFields):
    """What to change of a key: only what is sent; null removes a limit.

    The factories only say that a field may be left out; what they make is not used.
    """

    name: KeyName = Field(default_factory=str)
    scopes: Scopes = Field(default_factory=list)
    expires_at: Expiry | None = None
    weight: Weight = Field(default_factory=float)
    highest_priority: PriorityName = Field(default_factory=lambda: "high")
    allowed_models: Models | None = None


class Rotation(Strict):
    """How a key hands over to its successor."""

    overlap_seconds: int = Field(
        default=_OVERLAP_SECONDS,
        ge=0,
        le=_LONGEST_OVERLAP_SECONDS,
        description="How long the old secret stays good; 0 ends it at once.",
    )


class NewSession(Strict):
    """A key to exchange for a session token."""

    key: str = Field(min_length=1, max_length=256)
