"""`GET /v1/models`: the models that a key may use, as OpenAI lists them."""

from typing import Any

from flask import Blueprint, Response

from backend.api.answers import answer
from backend.api.auth import caller
from backend.api.container import services
from backend.core.catalogue import KnownModel
from backend.core.errors import ModelNotFoundError

blueprint = Blueprint("openai_models", __name__, url_prefix="/v1/models")

# What a name without a namespace belongs to.
_LIBRARY = "library"


@blueprint.get("")
def list_models() -> Response:
    """List the models that the key may use, as OpenAI does."""
    known, key = services().catalogue, caller()
    usable = [
        _model(model, name)
        for name, model in sorted(known.read().items())
        if known.permits(model) and key.may_use(name)
    ]
    return answer({"object": "list", "data": usable})


@blueprint.get("/<path:model>")
def get(model: str) -> Response:
    """Show a model that the key may use."""
    found = services().catalogue.require(model)
    if not caller().may_use(found.name):
        raise ModelNotFoundError
    return answer(_model(found, model))


def _model(known: KnownModel, name: str) -> dict[str, Any]:
    owner, slash, _ = known.name.rpartition("/")
    return {
        "id": name,
        "object": "model",
        "created": int(known.created_at.timestamp()),
        "owned_by": owner if slash else _LIBRARY,
    }
