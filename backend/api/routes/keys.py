"""Keys, for administrators."""

from http import HTTPStatus

from flask import Blueprint, Response, request

from backend.api.answers import answer, listed, nothing
from backend.api.auth import caller
from backend.api.bodies import read_body
from backend.api.container import services
from backend.api.key_view import key_view
from backend.api.limits_view import limits_of_key
from backend.api.schemas.keys import KeyChanges, NewKey, Rotation
from backend.core.jobs.states import Priority
from backend.core.key_registry import OwnedKey
from backend.core.keys import Scope

_ONE = "/<int:key_id>"
_SECRET = {"Cache-Control": "no-store"}

blueprint = Blueprint("keys", __name__, url_prefix="/api/v1/keys")


@blueprint.get("")
def list_keys() -> Response:
    """List all keys, without their secrets."""
    pairs = services().keys.list_all()
    return listed([key_view(key, user=user.name) for key, user in pairs])


@blueprint.post("")
def create() -> Response:
    """Make a key; the answer shows it, and nothing ever does again."""
    fields = read_body(NewKey).model_dump()
    fields["scopes"] = [*map(Scope, fields["scopes"])]
    fields["highest_priority"] = Priority.of(fields["highest_priority"])
    secret, key = services().keys.create(**fields, actor=_actor())
    shown = {"key": secret} | key_view(key, user=fields["user"])
    return answer(shown, HTTPStatus.CREATED, _SECRET)


@blueprint.get(_ONE)
def get(key_id: int) -> Response:
    """Show a key, its limits and what is left of them now."""
    key, user = services().key_registry.get(str(key_id))
    limits = limits_of_key(services(), key)
    return answer(key_view(key, user=user.name) | {"limits": limits})


@blueprint.patch(_ONE)
def update(key_id: int) -> Response:
    """Change a key; what is not sent stays, null removes a limit."""
    changes = read_body(KeyChanges).model_dump(exclude_unset=True)
    return _shown(services().key_registry.update(str(key_id), changes, actor=_actor()))


@blueprint.post(f"{_ONE}/rotate")
def rotate(key_id: int) -> Response:
    """Make a successor with the same rights; the old key expires after an overlap."""
    wish = read_body(Rotation) if request.get_data() else Rotation()
    secret, (key, user) = services().key_registry.rotate(
        str(key_id), overlap_seconds=wish.overlap_seconds, actor=_actor()
    )
    shown = {"key": secret} | key_view(key, user=user.name)
    return answer(shown, HTTPStatus.CREATED, _SECRET)


@blueprint.post(f"{_ONE}/disable")
def disable(key_id: int) -> Response:
    """Disable a key at once, and the sessions that it opened."""
    return _shown(services().key_registry.disable(str(key_id), actor=_actor()))


@blueprint.post(f"{_ONE}/enable")
def enable(key_id: int) -> Response:
    """Let a disabled key be used again."""
    return _shown(services().key_registry.enable(str(key_id), actor=_actor()))


@blueprint.delete(_ONE)
def delete(key_id: int) -> Response:
    """Delete a key that no job names."""
    services().key_registry.delete(str(key_id), actor=_actor())
    return nothing()


def _shown(found: OwnedKey) -> Response:
    key, user = found
    return answer(key_view(key, user=user.name))


def _actor() -> str:
    return caller().user_name
