"""Who calls, and whether they may: a key or session token as Bearer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask import Flask, g, request

from backend.api.container import services
from backend.core.errors import MissingKeyError, ScopeMissingError
from backend.core.keys import Caller, Scope

_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a blueprint: anybody, or a key with one of these scopes."""

    scopes: frozenset[Scope] | None = None

    def check(self, caller: Caller) -> None:
        """Let the caller through.

        Raises:
            ScopeMissingError: If the key has none of the scopes.
        """
        scopes = self.scopes or frozenset(Scope)
        if not any(caller.has(scope) for scope in scopes):
            names = " or ".join(sorted(scopes))
            raise ScopeMissingError(f"This needs a key with the scope {names}.")


ANYBODY = Access()
ANY_KEY = Access(frozenset(Scope))


def keys_with(*scopes: Scope) -> Access:
    """Allow keys that have one of the scopes; `admin` has all."""
    return Access(frozenset(scopes))


def guard(app: Flask, table: Mapping[str, Access]) -> None:
    """Check each request against the table of (blueprint's name, who may call it)."""

    def check() -> None:
        name = request.blueprint
        # An address or method that does not exist is answered as such.
        if name is None or (access := table[name]).scopes is None:
            return
        g.caller = services().keys.recognise(sent_secret())
        access.check(g.caller)

    app.before_request(check)


def caller() -> Caller:
    """Give who calls; only in blueprints that ask for a key."""
    return cast("Caller", g.caller)


def sent_secret() -> str:
    """Read the key or token that the caller sent.

    Raises:
        MissingKeyError: If there is none.
    """
    environ = request.environ
    header = environ.get("HTTP_AUTHORIZATION", "")
    if header[:7].lower() == _BEARER and (secret := header[7:].strip()):
        return str(secret)
    if secret := environ.get("HTTP_X_API_KEY", "").strip():
        return str(secret)
    raise MissingKeyError
