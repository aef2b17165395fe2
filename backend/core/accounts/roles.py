"""What a user may do at most: the scopes of each role; pure.

A key never does more than its user's role allows: that is looked at whenever a key is
(`key_lookup`), whatever its row says. Who gives a key more than that is told so.
"""

from collections.abc import Iterable
from enum import StrEnum

from backend.core.errors import InvalidRequestError
from backend.core.scopes import Scope, in_order, with_what_they_include


class Role(StrEnum):
    """What a user is here."""

    ADMIN = "admin"
    USER = "user"
    VIEWER = "viewer"


_SCOPES = {
    Role.ADMIN: frozenset(Scope),
    Role.USER: frozenset({Scope.INFERENCE, Scope.READ}),
    Role.VIEWER: frozenset({Scope.READ}),
}


def within(scopes: Iterable[str], role: str) -> frozenset[Scope]:
    """Give what a key's scopes and its user's role both allow."""
    return _SCOPES[Role(role)] & with_what_they_include(scopes)


def narrowed(scopes: Iterable[str], role: str) -> list[str]:
    """List the same, as a key has it."""
    return [*map(str, in_order(within(scopes, role)))]


def scopes_of(role: str) -> list[str]:
    """List the scopes of a role, as a key has them."""
    return narrowed(Scope, role)


def role_for(scopes: Iterable[str]) -> Role:
    """Give the role that a user needs for a key with these scopes."""
    return Role.ADMIN if Scope.ADMIN in scopes else Role.USER


def check_scopes(scopes: Iterable[str], *, user: str, role: str) -> None:
    """Let a key's scopes pass if its user's role allows all of them.

    Raises:
        InvalidRequestError: If it does not; with what it allows.
    """
    if not frozenset(scopes) <= _SCOPES[Role(role)]:
        allowed = ", ".join(scopes_of(role))
        why = f"{user} is {role}, which allows {allowed}; give the user another role"
        raise InvalidRequestError.of("scopes", why)
