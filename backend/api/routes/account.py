"""Who calls, and sessions: a password or a key in, an opaque token out."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from backend.api.answers import answer, nothing
from backend.api.auth import caller, sent_secret
from backend.api.bodies import read_body, read_one_of
from backend.api.container import services
from backend.api.limits_view import limits_of_key, limits_of_user
from backend.api.schemas.accounts import OPEN_SESSION, ChangedPassword, NewLogin
from backend.core.errors import NotFoundError
from backend.core.models import User
from backend.core.scopes import in_order

blueprint = Blueprint("account", __name__, url_prefix="/api/v1")
# Whoever opens a session has no header for it yet.
login = Blueprint("login", __name__, url_prefix="/api/v1")


@blueprint.get("/me")
def me() -> Response:
    """Tell who the caller is, and what is left of the limits now."""
    who = caller()
    user, key = services().accounts.users.calling(who.user_id, who.key_id)
    shown = {
        "id": who.key_id,
        "prefix": who.key_prefix,
        "name": who.key_name,
        "scopes": in_order(who.scopes),
        "expires_at": who.expires_at,
        "limits": limits_of_key(services(), key),
        "is_login": key.is_login,
    }
    limits = {"limits": limits_of_user(services(), user)}
    return answer({"user": _user(user) | limits, "key": shown})


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
        return _opened(opened.token, opened.expires_at, opened.user)
    token, ends, who = services().keys.open_session(
        body.key, lifetime_ms=services().settings.session_lifetime
    )
    user, _ = services().accounts.users.calling(who.user_id, who.key_id)
    return _opened(token, ends, user)


@blueprint.delete("/sessions")
def close_session() -> Response:
    """End the session whose token was sent."""
    if not services().keys.close_session(sent_secret()):
        raise NotFoundError("This is a key, not a session's token.")
    return nothing()


def _user(user: User) -> dict[str, Any]:
    return {"id": user.id, "name": user.name, "role": user.role}


def _opened(token: str, ends: datetime, user: User) -> Response:
    body = {"token": token, "expires_at": ends, "user": _user(user)}
    return answer(body, HTTPStatus.CREATED, {"Cache-Control": "no-store"})
