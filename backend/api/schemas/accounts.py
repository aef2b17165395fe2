"""The bodies of requests about users, log-ins and one's own keys."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, TypeAdapter

from backend.api.schemas.keys import (
    Expiry,
    KeyName,
    Models,
    NewSession,
    PriorityName,
    Scopes,
)
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


class NewUser(Strict):
    """A user to make."""

    name: UserName
    role: RoleName = "user"
    password: NewPassword | None = Field(
        default=None, description="Without one there are keys, but no log-in."
    )


class ChangedUser(Strict):
    """What becomes of a user; what is left out stays."""

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
