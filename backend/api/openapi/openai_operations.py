"""What OpenAI's addresses take and give."""

from pydantic import TypeAdapter

from backend.api.anthropic.asking import VERSION_HEADER
from backend.api.openai.schemas.chat import ChatCompletionRequest
from backend.api.openai.schemas.completions import CompletionRequest
from backend.api.openai.schemas.embeddings import CreateEmbeddingRequest
from backend.api.openai.schemas.response_queries import InputItemsQuery, ResponseQuery
from backend.api.openai.schemas.responses import ResponseCreateParams
from backend.api.openai.schemas.views import (
    ChatCompletion,
    Completion,
    CreateEmbeddingResponse,
    DeletedResponse,
    OpenAIResponse,
    ResponseItemList,
)
from backend.api.openapi import examples
from backend.api.openapi.forms import OPENAI, SHARED
from backend.api.openapi.operation import (
    OF_ANSWERS,
    OF_SUBMISSION,
    STREAM,
    Gives,
    Operation,
)
from backend.api.openapi.shared_views import SharedModel, SharedModelList
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
    "openai_responses.create": Operation(
        "OpenAI",
        {200: (Gives(OpenAIResponse), STREAM)},
        (*OF_SUBMISSION, errors.PreviousResponseNotFoundError),
        body=TypeAdapter(ResponseCreateParams),
        examples=examples.RESPONSES,
        headers=OF_ANSWERS,
        form=OPENAI,
    ),
    "openai_stored_responses.get": Operation(
        "OpenAI",
        {200: (Gives(OpenAIResponse), STREAM)},
        (errors.ResponseNotFoundError, errors.DrainingError),
        query=ResponseQuery,
        form=OPENAI,
    ),
    "openai_stored_responses.list_input_items": Operation(
        "OpenAI",
        {200: (Gives(ResponseItemList),)},
        (errors.ResponseNotFoundError,),
        query=InputItemsQuery,
        form=OPENAI,
    ),
    "openai_response_changes.cancel": Operation(
        "OpenAI",
        {200: (Gives(OpenAIResponse),)},
        (errors.ResponseNotFoundError, errors.InvalidRequestError),
        form=OPENAI,
    ),
    "openai_response_changes.delete": Operation(
        "OpenAI",
        {200: (Gives(DeletedResponse),)},
        (errors.ResponseNotFoundError, errors.ResponseIsRunningError),
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
        "OpenAI",
        {200: (Gives(SharedModelList),)},
        headers=(VERSION_HEADER,),
        form=SHARED,
    ),
    "openai_models.get": Operation(
        "OpenAI",
        {200: (Gives(SharedModel),)},
        (errors.ModelNotFoundError,),
        headers=(VERSION_HEADER,),
        form=SHARED,
    ),
}
