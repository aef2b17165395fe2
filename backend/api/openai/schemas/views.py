"""What OpenAI's addresses answer with, for the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from backend.api.schemas.views.view import View


class OpenAIErrorDetail(View):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(View):
    """An error as OpenAI tells it."""

    error: OpenAIErrorDetail


class ChatCompletion(BaseModel):
    """A chat's answer, as OpenAI's reference describes it."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: str
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any] | None = None


class OpenAIResponse(BaseModel):
    """A response, as OpenAI's reference describes it."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: str
    created_at: int
    model: str
    status: str
    output: list[dict[str, Any]]
    error: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None


class ResponseItemList(View):
    """Items of a response's input."""

    object: str
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedResponse(View):
    """That a response is gone."""

    id: str
    object: str
    deleted: bool


class Completion(BaseModel):
    """A prompt's completion, as OpenAI's reference describes it."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: str
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any] | None = None


class Embedding(View):
    """A text's vector: numbers, or their float32 in base64."""

    object: str
    index: int
    embedding: list[float] | str


class EmbeddingUsage(View):
    """Tokens of the texts."""

    prompt_tokens: int
    total_tokens: int


class CreateEmbeddingResponse(View):
    """The vectors of texts."""

    object: str
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


class Model(View):
    """A model that the key may use."""

    id: str
    object: str
    created: int
    owned_by: str


class ListModelsResponse(View):
    """The models that the key may use."""

    object: str
    data: list[Model]
