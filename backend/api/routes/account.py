"""Who calls, and sessions: a password or a key in, an opaque token out."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from backend.api.answers import answer, nothing
from backend.api.auth import caller, sent_secret
from backend.api.bodies import read_body, read_one_of
from backend.api.container import services
from backend.api.limits_view import limits_view
from backend.api.schemas.accounts import OPEN_SESSION, ChangedPassword, NewLogin
from backend.core.errors import NotFoundError
from backend.core.scopes import in_order

blueprint = Blueprint("account", __name__, url_prefix="/api/v1")
# Whoever opens a session has no header for it yet.
login = Blueprint("login", __name__, url_prefix="/api/v1")


@blueprint.get("/me")
def me() -> Response:
    """Tell who the caller is, and what is left of its key's limits now."""
    who = caller()
    role, is_login = services().accounts.users.standing(who.user_id, who.key_id)
    key = {
        "id": who.key_id,
        "prefix": who.key_prefix,
        "name": who.key_name,
        "scopes": in_order(who.scopes),
        "expires_at": who.expires_at,
        "limits": limits_view(services(), who.limits),
        "is_login": is_login,
    }
    return answer({"user": _user(who.user_id, who.user_name, role), "key": key})


@blueprint.post("/me/password")
def change_password() -> Response:
    """Change one's own password; all other sessions of one's own end."""
    body, user_id = read_body(ChangedPassword), caller().user_id
    services().accounts.logins.change_password(
        user_id, body.old, body.new, token=sent_secret()
    )
    return nothing()


@login.post("/sessions")
def open_session() -> Response:
    """Exchange a name and a password, or a key, for a token that lasts a while."""
    body = read_one_of(OPEN_SESSION)
    if isinstance(body, NewLogin):
        opened = services().accounts.logins.log_in(body.user, body.password)
        user = _user(opened.user.id, opened.user.name, opened.user.role)
        return _opened(opened.token, opened.expires_at, user)
    token, ends, who = services().keys.open_session(
        body.key, lifetime_ms=services().settings.session_lifetime
    )
    role, _ = services().accounts.users.standing(who.user_id, who.key_id)
    return _opened(token, ends, _user(who.user_id, who.user_name, role))


@blueprint.delete("/sessions")
def close_session() -> Response:
    """End the session whose token was sent."""
    if not services().keys.close_session(sent_secret()):
        raise NotFoundError("This is a key, not a session's token.")
    return nothing()


def _user(user_id: int, name: str, role: str) -> dict[str, Any]:
    return {"id": user_id, "name": name, "role": role}


def _opened(token: str, ends: datetime, user: dict[str, Any]) -> Response:
    body = {"token": token, "expires_at": ends, "user": user}
    return answer(body, HTTPStatus.CREATED, {"Cache-Control": "no-store"})
