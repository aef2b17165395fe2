"""What Anthropic's addresses answer with, for the OpenAPI document."""

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
