"""Who calls, and whether they may: a key or session token as Bearer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TypeVar, cast

from flask import Flask, g, request

from backend.api.container import services
from backend.core.credential import CallerChangedError
from backend.core.errors import AppError, MissingKeyError, ScopeMissingError
from backend.core.keys import Caller, Scope

T = TypeVar("T")

_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a blueprint: anybody, or a key with one of these scopes.

    `in_route` leaves it to the blueprint's own routes to ask who calls: `as_caller`.
    """

    scopes: frozenset[Scope] | None = None
    in_route: bool = False

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


def checked_in_route(access: Access) -> Access:
    """Let the blueprint's routes ask who calls."""
    return replace(access, in_route=True)


def guard(app: Flask, table: Mapping[str, Access]) -> None:
    """Check each request against the table of (blueprint's name, who may call it)."""

    def check() -> None:
        name = request.blueprint
        # An address or method that does not exist is answered as such.
        if name is None or (access := table[name]).scopes is None:
            return
        secret = sent_secret()
        if access.in_route:
            g.secret, g.access = secret, access
            return
        g.caller = _recognised(secret)
        access.check(g.caller)

    app.before_request(check)


def as_caller(work: Callable[[Caller], T]) -> T:
    """Do work as who the caller was when it last came, else as who it is.

    Only for work that commits by the caller's credential: it raises before anything
    counts if that does not hold any more, and says `g.committed` once something does.
    Whatever else refuses such work may be as old as what is known of the caller, so it
    is done again as who the caller is now.
    """
    secret, access, keys = g.secret, g.access, services().keys
    known = keys.remembered(secret)
    if known is not None:
        try:
            access.check(known)
            done = work(known)
        except CallerChangedError:
            pass
        except AppError as error:
            if g.get("committed") or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
        else:
            keys.note_use(known)
            return done
    caller = _recognised(secret)
    access.check(caller)
    return work(caller)


def _recognised(secret: str) -> Caller:
    """Look up who calls; what is known as of this request needs no second look."""
    return replace(services().keys.recognise(secret), credential=None)


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
