"""The bodies of requests about users, log-ins and one's own keys."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, TypeAdapter

from backend.api.schemas.keys import (
    KeyName,
    LimitFields,
    Models,
    NewSession,
    PriorityName,
    Scopes,
    Weight,
)
from backend.api.schemas.moments import Expiry
from backend.api.schemas.patterns import USER_NAME
from backend.api.schemas.strict import Strict
from backend.core.accounts.password_rules import LONGEST, SHORTEST

UserName = Annotated[str, Field(min_length=1, max_length=64, pattern=USER_NAME)]
RoleName = Literal["admin", "user", "viewer"]
# Nobody normalizes or hashes a book.
_Text = Annotated[str, Field(max_length=1_024)]
# Characters are counted in the form that is hashed.
_LENGTHS = {"minLength": SHORTEST, "maxLength": LONGEST}
NewPassword = Annotated[_Text, Field(json_schema_extra=_LENGTHS)]
# Whatever was typed is wrong, not invalid.
_TypedPassword = Annotated[_Text, Field(min_length=1)]

_HIGHEST = "No key of the user's has a higher one."
_MODELS = "No key of the user's may use others; null is all."
_WEIGHT = "Of each key of the user's the weight is multiplied by this."
_BOUNDS = {*LimitFields.model_fields, "highest_priority", "allowed_models", "weight"}


class _Bounds(LimitFields):
    """What bounds a user's keys.

    The factories only say that a field may be left out; what they make is not used.
    """

    highest_priority: PriorityName = Field(
        default_factory=lambda: "high", description=_HIGHEST
    )
    allowed_models: Models | None = Field(default=None, description=_MODELS)
    weight: Weight = Field(default_factory=float, description=_WEIGHT)

    def bounds(self) -> dict[str, Any]:
        """Give those that were sent, as columns."""
        return self.model_dump(include=_BOUNDS, exclude_unset=True)


class NewUser(_Bounds):
    """A user to make; its limits bind all of its keys and log-ins together."""

    name: UserName
    role: RoleName = "user"
    password: NewPassword | None = Field(
        default=None, description="Without one there are keys, but no log-in."
    )


class ChangedUser(_Bounds):
    """What becomes of a user: what is left out stays, and null removes a limit."""

    role: RoleName | None = None
    disabled: bool | None = None
    password: NewPassword | None = None


class ChangedPassword(Strict):
    """One's own password: until now, and from now on."""

    old: _TypedPassword
    new: NewPassword


class NewLogin(Strict):
    """A name and a password to exchange for a session's token."""

    user: str = Field(min_length=1, max_length=64)
    password: _TypedPassword


class NewOwnKey(Strict):
    """A key for oneself; what is left out is as much as the key that is sent has."""

    name: KeyName
    scopes: Scopes | None = None
    allowed_models: Models | None = None
    highest_priority: PriorityName | None = None
    expires_at: Expiry | None = None


def _form(body: Any) -> str | None:  # whatever was sent
    if not isinstance(body, dict):
        return None
    forms = []
    if "key" in body:
        forms.append("by_key")
    if "user" in body or "password" in body:
        forms.append("by_password")
    return forms[0] if len(forms) == 1 else None


OPEN_SESSION: TypeAdapter[NewSession | NewLogin] = TypeAdapter(
    Annotated[
        Annotated[NewSession, Tag("by_key")] | Annotated[NewLogin, Tag("by_password")],
        Discriminator(
            _form,
            custom_error_type="neither_form",
            custom_error_message="send either `key`, or `user` and `password`",
        ),
    ]
)
