"""What a key allows, in words; pure."""

from collections.abc import Collection, Iterable
from enum import StrEnum


class Scope(StrEnum):
    """What a key allows; `admin` includes the others."""

    INFERENCE = "inference"
    READ = "read"
    ADMIN = "admin"


def in_order(scopes: Collection[str]) -> list[Scope]:
    """List scopes in the one order in which they are shown, as they stand above."""
    return [scope for scope in Scope if scope in scopes]


def with_what_they_include(scopes: Iterable[str]) -> frozenset[Scope]:
    """Give scopes together with those that they include."""
    named = frozenset(map(Scope, scopes))
    return frozenset(Scope) if Scope.ADMIN in named else named
