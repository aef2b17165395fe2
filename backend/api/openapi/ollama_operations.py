"""What Ollama's addresses take and give."""

from pydantic import TypeAdapter

from backend.api.ollama.schemas import views as ollama
from backend.api.ollama.schemas.chat import OllamaChatRequest
from backend.api.ollama.schemas.embed import OllamaEmbeddingsRequest, OllamaEmbedRequest
from backend.api.ollama.schemas.generate import OllamaGenerateRequest
from backend.api.ollama.schemas.models import (
    OllamaCopyRequest,
    OllamaDeleteRequest,
    OllamaPullRequest,
    OllamaShowRequest,
)
from backend.api.openapi import examples
from backend.api.openapi.forms import OLLAMA
from backend.api.openapi.operation import (
    LINES,
    NOTHING,
    OF_A_MODEL,
    OF_ANSWERS,
    OF_SUBMISSION,
    Gives,
    Operation,
)
from backend.core import errors

_NOT_OFFERED = Operation("Ollama", {}, (errors.NotOfferedError,), form=OLLAMA)

OLLAMA_OPERATIONS: dict[str, Operation] = {
    "ollama_root.root": Operation(
        "Ollama", {200: (Gives(content_type="text/plain"),)}, form=OLLAMA
    ),
    "ollama.chat": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaChatResponse), LINES)},
        OF_SUBMISSION,
        body=TypeAdapter(OllamaChatRequest),
        examples=examples.OLLAMA_CHATS,
        headers=OF_ANSWERS,
        form=OLLAMA,
    ),
    "ollama.generate": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaGenerateResponse), LINES)},
        OF_SUBMISSION,
        body=TypeAdapter(OllamaGenerateRequest),
        examples=examples.OLLAMA_PROMPTS,
        headers=OF_ANSWERS,
        form=OLLAMA,
    ),
    "ollama.embed": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaEmbedResponse),)},
        OF_SUBMISSION,
        body=TypeAdapter(OllamaEmbedRequest),
        headers=OF_ANSWERS,
        form=OLLAMA,
    ),
    "ollama.embed_prompt": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaEmbeddingsResponse),)},
        OF_SUBMISSION,
        body=TypeAdapter(OllamaEmbeddingsRequest),
        headers=OF_ANSWERS,
        form=OLLAMA,
    ),
    "ollama_models.tags": Operation(
        "Ollama", {200: (Gives(ollama.OllamaModels),)}, form=OLLAMA
    ),
    "ollama_models.ps": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaModels),)},
        (errors.QueueUnavailableError,),
        form=OLLAMA,
    ),
    "ollama_models.show": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaModelInfo),)},
        OF_A_MODEL,
        body=TypeAdapter(OllamaShowRequest),
        form=OLLAMA,
    ),
    "ollama_models.version": Operation(
        "Ollama", {200: (Gives(ollama.OllamaVersion),)}, form=OLLAMA
    ),
    "ollama_models.status": Operation(
        "Ollama", {200: (Gives(ollama.OllamaStatus),)}, form=OLLAMA
    ),
    "ollama_administration.pull": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaProgress), LINES)},
        OF_SUBMISSION,
        body=TypeAdapter(OllamaPullRequest),
        headers=OF_ANSWERS,
        form=OLLAMA,
    ),
    "ollama_administration.copy": Operation(
        "Ollama",
        {200: (NOTHING,)},
        (*OF_A_MODEL, errors.NodeUnavailableError),
        body=TypeAdapter(OllamaCopyRequest),
        form=OLLAMA,
    ),
    "ollama_administration.delete": Operation(
        "Ollama",
        {200: (NOTHING,)},
        (*OF_A_MODEL, errors.NodeUnavailableError),
        body=TypeAdapter(OllamaDeleteRequest),
        form=OLLAMA,
    ),
    "ollama_administration.create": _NOT_OFFERED,
    "ollama_administration.push": _NOT_OFFERED,
    "ollama_administration.find_blob": _NOT_OFFERED,
    "ollama_administration.take_blob": _NOT_OFFERED,
}
