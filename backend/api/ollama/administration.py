"""`/api/pull`, `/api/copy`, `/api/delete`; and what is not offered here."""

from typing import Any, NoReturn

from flask import Blueprint, Response

from backend.api.auth import caller
from backend.api.calls.asking import Asked
from backend.api.calls.call import answers
from backend.api.calls.headers import serving_headers
from backend.api.calls.stream import AnswerStream
from backend.api.calls.telling import begun
from backend.api.container import services
from backend.api.node_work import node_job
from backend.api.ollama.admitting import admit
from backend.api.ollama.lookup import known_model, snapshots
from backend.api.ollama.pulling import PullLines
from backend.api.ollama.reading import read
from backend.api.ollama.replies import nothing, reply
from backend.api.ollama.schemas.models import (
    OllamaCopyRequest,
    OllamaDeleteRequest,
    OllamaPullRequest,
)
from backend.core.errors import (
    ModelNotAllowedError,
    ModelNotFoundError,
    NodeUnavailableError,
    NotOfferedError,
)
from backend.core.jobs.states import Kind
from backend.core.names import canonical_model

_ELSEWHERE = (
    "Models are not created or pushed here: push one to a registry from an Ollama of"
    " your own, and pull it."
)

blueprint = Blueprint("ollama_administration", __name__, url_prefix="/api")


@blueprint.post("/pull")
def pull() -> Response:
    """Bring a model to a node, and tell how far it is."""
    body = read(OllamaPullRequest)
    job = admit(Asked(Kind.PULL, body.model, {}), caller())
    streamed = body.stream is not False
    calls = begun([job], streamed=streamed)
    if streamed:
        lines = PullLines()
        stream = AnswerStream(services(), calls, lines, progress=lines.progress)
        return stream.response()
    (row,) = answers(calls)
    return reply({"status": row.result["status"]}, headers=serving_headers(row))


@blueprint.post("/copy")
def copy() -> Response:
    """Give a model a second name, on each node that has it."""
    body = read(OllamaCopyRequest)
    unknown = f'model "{body.source}" not found'
    name = _known_name(body.source, unknown)
    destination = canonical_model(body.destination)
    if not services().catalogue.permits_name(destination):
        raise ModelNotAllowedError(f"ALLOWED_MODELS does not name {destination}.")
    _do(Kind.COPY, name, unknown, {"destination": destination})
    return nothing()


@blueprint.delete("/delete")
def delete() -> Response:
    """Remove a model from the disk of each node that has it."""
    body = read(OllamaDeleteRequest)
    unknown = f"model '{body.model}' not found"
    name = _known_name(body.model, unknown)
    _do(Kind.DELETE, name, unknown, {})
    services().catalogue.forget(name)
    return nothing()


@blueprint.post("/create")
def create() -> NoReturn:
    """Refuse to make a model."""
    raise NotOfferedError(_ELSEWHERE)


@blueprint.post("/push")
def push() -> NoReturn:
    """Refuse to send a model to a registry."""
    raise NotOfferedError(_ELSEWHERE)


@blueprint.get("/blobs/<digest>")
def find_blob(digest: str) -> NoReturn:
    """Refuse to tell of a part of a model."""
    del digest
    raise NotOfferedError(_ELSEWHERE)


@blueprint.post("/blobs/<digest>")
def take_blob(digest: str) -> NoReturn:
    """Refuse to take a part of a model."""
    del digest
    raise NotOfferedError(_ELSEWHERE)


def _known_name(model: str, unknown: str) -> str:
    try:
        return known_model(model, caller()).name
    except ModelNotFoundError:
        raise ModelNotFoundError(unknown) from None


def _do(kind: Kind, model: str, unknown: str, told: dict[str, Any]) -> None:
    """Have the nodes that have a model do something with it."""
    having = {row.node for row in services().catalogue.installed(model)}
    if not having:
        raise ModelNotFoundError(unknown)
    live = having & {snapshot.node for snapshot in snapshots()}
    if not live:
        raise NodeUnavailableError(f"No node that has {model} is there; try again.")
    jobs = [
        node_job(kind, model, caller=caller(), node=node, request=told)
        for node in sorted(live)
    ]
    answers(begun(jobs))
