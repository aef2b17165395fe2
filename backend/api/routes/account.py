"""Who calls, and sessions: a key in, an opaque token out."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from backend.api.answers import answer, nothing
from backend.api.auth import caller, sent_secret
from backend.api.bodies import read_body
from backend.api.container import services
from backend.api.limits_view import limits_view
from backend.api.schemas.keys import NewSession
from backend.core.errors import NotFoundError
from backend.core.key_lookup import in_order
from backend.core.keys import Caller

blueprint = Blueprint("account", __name__, url_prefix="/api/v1")
# Whoever opens a session has a key, but no header with it yet.
login = Blueprint("login", __name__, url_prefix="/api/v1")


@blueprint.get("/me")
def me() -> Response:
    """Tell who the caller is, and what is left of its key's limits now."""
    who = caller()
    key = {
        "id": who.key_id,
        "prefix": who.key_prefix,
        "name": who.key_name,
        "scopes": in_order(who.scopes),
        "expires_at": who.expires_at,
        "limits": limits_view(services(), who.limits),
    }
    return answer({"user": _user(who), "key": key})


@login.post("/sessions")
def open_session() -> Response:
    """Exchange a key for a token that is as good, for a while."""
    token, ends, who = services().keys.open_session(
        read_body(NewSession).key, lifetime_ms=services().settings.session_lifetime
    )
    body = {"token": token, "expires_at": ends, "user": _user(who)}
    return answer(body, HTTPStatus.CREATED, {"Cache-Control": "no-store"})


@blueprint.delete("/sessions")
def close_session() -> Response:
    """End the session whose token was sent."""
    if not services().keys.close_session(sent_secret()):
        raise NotFoundError("This is a key, not a session's token.")
    return nothing()


def _user(who: Caller) -> dict[str, Any]:
    return {"id": who.user_id, "name": who.user_name}
