"""The bodies of requests about keys and sessions."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from backend.api.schemas.patterns import USER_NAME
from backend.api.schemas.strict import ModelName, Strict

ScopeName = Literal["inference", "read", "admin"]
_USUAL: tuple[ScopeName, ...] = ("inference", "read")


class NewKey(Strict):
    """A key to make; its secret is shown once, in the answer."""

    user: str = Field(min_length=1, max_length=64, pattern=USER_NAME)
    name: str = Field(min_length=1, max_length=64)
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=3)] = Field(
        default_factory=lambda: list(_USUAL)
    )
    expires_at: Annotated[AwareDatetime, Field(strict=False)] | None = None
    weight: float = Field(default=1.0, ge=0.01, le=100)
    highest_priority: Literal["low", "normal", "high"] = "high"
    allowed_models: list[ModelName] | None = Field(default=None, max_length=1_000)


class NewSession(Strict):
    """A key to exchange for a session token."""

    key: str = Field(min_length=1, max_length=256)
