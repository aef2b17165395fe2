"""What Anthropic's addresses answer with, for the OpenAPI document."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from backend.api.schemas.views.view import View


class AnthropicErrorDetail(View):
    """What is wrong."""

    type: str
    message: str
    code: str


class AnthropicError(View):
    """An error as Anthropic tells it."""

    type: Literal["error"]
    error: AnthropicErrorDetail
    request_id: str | None


class AnthropicMessage(BaseModel):
    """An answer, as Anthropic's reference describes it."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[dict[str, Any]]
    stop_reason: str | None
    stop_sequence: str | None
    usage: dict[str, Any]


class MessageTokensCount(View):
    """How many tokens messages have, by estimate."""

    input_tokens: int


class ModelInfo(View):
    """A model that the key may use, as Anthropic shows it."""

    id: str
    type: Literal["model"]
    display_name: str
    created_at: datetime
    lifecycle: Literal["active"]


class ModelInfoPage(View):
    """The models that the key may use, as Anthropic lists them."""

    data: list[ModelInfo]
    has_more: bool
    first_id: str | None
    last_id: str | None
