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
