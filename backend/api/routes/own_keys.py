"""The caller's own keys: whoever may call may make more, but never for more."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from backend.api.answers import answer, listed, nothing
from backend.api.auth import caller
from backend.api.bodies import read_body
from backend.api.container import services
from backend.api.schemas.accounts import NewOwnKey
from backend.api.schemas.views.own_keys import OwnKeyDetails
from backend.core.accounts.grant import KeyWish
from backend.core.errors import NotFoundError
from backend.core.jobs.states import Priority
from backend.core.keys import Scope
from backend.core.models import ApiKey

# What a database can number; a larger number is no key's.
_LARGEST = 2**63 - 1

blueprint = Blueprint("own_keys", __name__, url_prefix="/api/v1/me/keys")


@blueprint.get("")
def list_keys() -> Response:
    """List the caller's keys, without their secrets."""
    keys = services().accounts.own_keys.list_all(caller().user_id)
    return listed([_view(key) for key in keys])


@blueprint.post("")
def create() -> Response:
    """Make a key for oneself; the answer shows it, and nothing ever does again."""
    made = services().accounts.own_keys.create(caller(), _wish(read_body(NewOwnKey)))
    shown = {"key": made.secret} | _view(made.row)
    return answer(shown, HTTPStatus.CREATED, {"Cache-Control": "no-store"})


@blueprint.delete(f"/<int(max={_LARGEST}):key_id>")
def disable(key_id: int) -> Response:
    """Disable a key of one's own at once, and the sessions that it opened."""
    if not services().accounts.own_keys.disable(caller(), key_id):
        raise NotFoundError("You have no such key, or it is disabled already.")
    return nothing()


def _wish(body: NewOwnKey) -> KeyWish:
    scopes, highest = body.scopes, body.highest_priority
    return KeyWish(
        name=body.name,
        scopes=None if scopes is None else [*map(Scope, scopes)],
        allowed_models=body.allowed_models,
        highest_priority=None if highest is None else Priority.of(highest),
        expires_at=body.expires_at,
    )


def _view(key: ApiKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in OwnKeyDetails.model_fields}
