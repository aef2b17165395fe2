"""`/api/chat`, `/api/generate`, `/api/embed` and the older `/api/embeddings`."""

from flask import Blueprint, Response

from backend.api.auth import as_caller
from backend.api.ollama import requests
from backend.api.ollama.answers import embeddings
from backend.api.ollama.generating import answered, generated
from backend.api.ollama.reading import read
from backend.api.ollama.replies import reply
from backend.api.ollama.residency import brought, loaded
from backend.api.ollama.schemas.chat import OllamaChatRequest
from backend.api.ollama.schemas.embed import OllamaEmbeddingsRequest, OllamaEmbedRequest
from backend.api.ollama.schemas.generate import OllamaGenerateRequest
from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import Kind
from backend.core.keys import Caller

blueprint = Blueprint("ollama", __name__)


@blueprint.post("/api/chat")
def chat() -> Response:
    """Answer a chat; without messages, load the model or unload it."""
    return as_caller(_chat)


def _chat(caller: Caller) -> Response:
    body = read(OllamaChatRequest)
    if not body.messages:
        return brought(body, Kind.CHAT, caller)
    return generated(requests.chat(body), caller, streamed=body.streamed)


@blueprint.post("/api/generate")
def generate() -> Response:
    """Complete a prompt; without one, load the model or unload it."""
    return as_caller(_generate)


def _generate(caller: Caller) -> Response:
    body = read(OllamaGenerateRequest)
    if not body.prompt:
        return brought(body, Kind.GENERATE, caller)
    return generated(requests.generate(body), caller, streamed=body.streamed)


@blueprint.post("/api/embed")
def embed() -> Response:
    """Embed texts; without any, load the model."""
    return as_caller(_embed)


def _embed(caller: Caller) -> Response:
    body = read(OllamaEmbedRequest)
    if not body.input:
        return reply(_no_embeddings(body.model), headers=loaded(body, caller))
    wanted = requests.embed(body)
    return answered(wanted, caller, lambda row: embeddings(row, model=body.model))


def _no_embeddings(model: str) -> dict[str, object]:
    return {"model": model, "embeddings": []}


@blueprint.post("/api/embeddings")
def embed_prompt() -> Response:
    """Embed one text, in the way of before `/api/embed`."""
    return as_caller(_embed_prompt)


def _embed_prompt(caller: Caller) -> Response:
    body = read(OllamaEmbeddingsRequest)
    if not body.prompt:
        return reply({"embedding": []}, headers=loaded(body, caller))
    asked = OllamaEmbedRequest.model_construct(
        model=body.model,
        input=[body.prompt],
        options=body.options,
        keep_alive=body.keep_alive,
    )
    wanted = requests.embed(asked)
    return answered(wanted, caller, _one_embedding)


def _one_embedding(row: JobRecord) -> dict[str, object]:
    return {"embedding": row.result["embeddings"][0]}
