"""Keys, for administrators."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from backend.api.answers import answer, listed, nothing
from backend.api.auth import caller
from backend.api.bodies import read_body
from backend.api.container import services
from backend.api.schemas.keys import NewKey
from backend.core.errors import NotFoundError
from backend.core.jobs.states import Priority
from backend.core.key_lookup import in_order
from backend.core.keys import Scope
from backend.core.models import ApiKey
from backend.core.names import canonical_model

# What a database can number; a larger number is no key's.
_LARGEST = 2**63 - 1

blueprint = Blueprint("keys", __name__, url_prefix="/api/v1/keys")


@blueprint.get("")
def list_keys() -> Response:
    """List all keys, without their secrets."""
    pairs = services().keys.list_all()
    return listed([_view(key, user=user.name) for key, user in pairs])


@blueprint.post("")
def create() -> Response:
    """Make a key; the answer shows it, and nothing ever does again."""
    body = read_body(NewKey)
    models = body.allowed_models
    secret, key = services().keys.create(
        user=body.user,
        name=body.name,
        scopes=[Scope(scope) for scope in dict.fromkeys(body.scopes)],
        expires_at=body.expires_at,
        weight=body.weight,
        highest_priority=Priority.of(body.highest_priority),
        allowed_models=None if models is None else [*map(canonical_model, models)],
        actor=caller().user_name,
    )
    shown = {"key": secret} | _view(key, user=body.user)
    return answer(shown, HTTPStatus.CREATED, {"Cache-Control": "no-store"})


@blueprint.delete(f"/<int(max={_LARGEST}):key_id>")
def revoke(key_id: int) -> Response:
    """Disable a key at once, and the sessions that it opened."""
    if not services().keys.revoke(str(key_id), actor=caller().user_name):
        raise NotFoundError("There is no such key, or it is disabled already.")
    return nothing()


def _view(key: ApiKey, *, user: str) -> dict[str, Any]:
    return {
        "id": key.id,
        "user": user,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": in_order(key.scopes),
        "highest_priority": key.highest_priority,
        "allowed_models": key.allowed_models,
        "weight": key.weight,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "disabled_at": key.disabled_at,
    }
