"""`/api/tags`, `/api/ps`, `/api/show`, `/api/version` and `/api/status`.

What is on disks the database says, also while no worker lives; what is in memory only
the nodes themselves can tell.
"""

import redis
from flask import Blueprint, Response

from backend.api.auth import caller
from backend.api.container import services
from backend.api.ollama.admitting import not_found
from backend.api.ollama.listing import in_full, in_memory, on_disk
from backend.api.ollama.lookup import known_model, snapshots
from backend.api.ollama.reading import read
from backend.api.ollama.replies import reply
from backend.api.ollama.schemas.models import OllamaShowRequest
from backend.api.ollama.versions import oldest
from backend.core.catalogue import KnownModel

blueprint = Blueprint("ollama_models", __name__, url_prefix="/api")


@blueprint.get("/tags")
def tags() -> Response:
    """List the models on disk that the key may use."""
    rows = services().catalogue.installed()
    return reply({"models": on_disk(rows, _usable())})


@blueprint.get("/ps")
def ps() -> Response:
    """List the models in memory that the key may use."""
    rows = services().catalogue.installed()
    return reply({"models": in_memory(snapshots(), rows, _usable())})


@blueprint.post("/show")
def show() -> Response:
    """Describe a model."""
    body = read(OllamaShowRequest)
    known = known_model(body.model, caller())
    rows = services().catalogue.installed(known.name)
    if not rows:
        raise not_found(body.model)
    description = services().catalogue.description(known.name)
    return reply(in_full(description, rows[0], known))


@blueprint.get("/version")
def version() -> Response:
    """Tell Ollama's version: the oldest of the live nodes', whose features all have."""
    try:
        live = services().cluster.snapshots()
    except redis.RedisError:
        live = []
    return reply({"version": oldest(s.ollama_version for s in live)})


@blueprint.get("/status")
def status() -> Response:
    """Tell that no model of Ollama's own cloud can be used from here."""
    return reply({"cloud": {"disabled": True, "source": "config"}})


def _usable() -> dict[str, KnownModel]:
    catalogue, key = services().catalogue, caller()
    return {
        name: model
        for name, model in catalogue.read().items()
        if catalogue.permits(model) and key.may_use(name)
    }
