"""`GET /v1/models`: the models that a key may use, as OpenAI or Anthropic has them."""

from typing import Any

from flask import Blueprint, Response, request

from backend.api.answers import answer
from backend.api.anthropic.asking import is_asked
from backend.api.anthropic.models import info, page
from backend.api.auth import caller
from backend.api.container import services
from backend.core.catalogue import KnownModel
from backend.core.errors import ModelNotFoundError

blueprint = Blueprint("openai_models", __name__, url_prefix="/v1/models")

# What a name without a namespace belongs to.
_LIBRARY = "library"


@blueprint.get("")
def list_models() -> Response:
    """List the models that the key may use, as OpenAI or Anthropic does."""
    known, key = services().catalogue, caller()
    usable = [
        (model, name)
        for name, model in sorted(known.read().items())
        if known.permits(model) and key.may_use(name)
    ]
    if is_asked(request):
        return answer(page([info(*one) for one in usable]))
    return answer({"object": "list", "data": [_model(*one) for one in usable]})


@blueprint.get("/<path:model>")
def get(model: str) -> Response:
    """Show a model that the key may use."""
    found = services().catalogue.require(model)
    if not caller().may_use(found.name):
        raise ModelNotFoundError
    tell = info if is_asked(request) else _model
    return answer(tell(found, model))


def _model(known: KnownModel, name: str) -> dict[str, Any]:
    owner, slash, _ = known.name.rpartition("/")
    return {
        "id": name,
        "object": "model",
        "created": int(known.created_at.timestamp()),
        "owned_by": owner if slash else _LIBRARY,
    }
