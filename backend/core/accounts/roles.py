"""What a user may do at most: the scopes of each role."""

from collections.abc import Iterable
from enum import StrEnum

from backend.core.key_lookup import Scope, in_order


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


def scopes_of(role: str) -> list[str]:
    """List the scopes of a role, as a key has them."""
    return [*map(str, in_order(_SCOPES[Role(role)]))]


def narrowed(scopes: Iterable[str], role: str) -> list[str]:
    """List those of a key's scopes that a role has, too."""
    return [*map(str, in_order(_SCOPES[Role(role)] & with_what_it_includes(scopes)))]


def with_what_it_includes(scopes: Iterable[str]) -> frozenset[Scope]:
    """Give scopes together with those that they include: `admin` includes all."""
    named = frozenset(map(Scope, scopes))
    return frozenset(Scope) if Scope.ADMIN in named else named
