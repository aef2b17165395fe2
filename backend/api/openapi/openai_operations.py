"""What OpenAI's addresses take and give."""

from pydantic import TypeAdapter

from backend.api.openai.schemas.chat import ChatCompletionRequest
from backend.api.openai.schemas.completions import CompletionRequest
from backend.api.openai.schemas.embeddings import CreateEmbeddingRequest
from backend.api.openai.schemas.views import (
    ChatCompletion,
    Completion,
    CreateEmbeddingResponse,
    ListModelsResponse,
    Model,
)
from backend.api.openapi import examples
from backend.api.openapi.forms import OPENAI
from backend.api.openapi.operation import (
    OF_ANSWERS,
    OF_SUBMISSION,
    STREAM,
    Gives,
    Operation,
)
from backend.core import errors

OPENAI_OPERATIONS: dict[str, Operation] = {
    "openai_chat.create": Operation(
        "OpenAI",
        {200: (Gives(ChatCompletion), STREAM)},
        OF_SUBMISSION,
        body=TypeAdapter(ChatCompletionRequest),
        examples=examples.CHAT_COMPLETIONS,
        headers=OF_ANSWERS,
        form=OPENAI,
    ),
    "openai_completions.create": Operation(
        "OpenAI",
        {200: (Gives(Completion), STREAM)},
        OF_SUBMISSION,
        body=TypeAdapter(CompletionRequest),
        examples=examples.COMPLETIONS,
        headers=OF_ANSWERS,
        form=OPENAI,
    ),
    "openai_embeddings.create": Operation(
        "OpenAI",
        {200: (Gives(CreateEmbeddingResponse),)},
        OF_SUBMISSION,
        body=TypeAdapter(CreateEmbeddingRequest),
        examples=examples.EMBEDDINGS,
        headers=OF_ANSWERS,
        form=OPENAI,
    ),
    "openai_models.list_models": Operation(
        "OpenAI", {200: (Gives(ListModelsResponse),)}, form=OPENAI
    ),
    "openai_models.get": Operation(
        "OpenAI", {200: (Gives(Model),)}, (errors.ModelNotFoundError,), form=OPENAI
    ),
}
