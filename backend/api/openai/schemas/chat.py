"""The body of `POST /v1/chat/completions`, as far as it means something here."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from backend.api.openai.schemas.messages import ChatCompletionMessage
from backend.api.openai.schemas.refused import NOTHING, refuse
from backend.api.openai.schemas.sampling import ReasoningEffort, Sampling, Tokens
from backend.api.openai.schemas.tools import (
    ChatCompletionTool,
    ResponseFormat,
    ToolChoice,
)


def _check_modalities(value: list[str]) -> list[str]:
    if set(value) - {"text"}:
        raise ValueError("answers are text; leave out the others")
    return value


_USE_TOOLS = "is out of date; send `tools`"
Modalities = Annotated[list[str], AfterValidator(_check_modalities)]


class ChatCompletionRequest(Sampling):
    """A chat to go on with."""

    messages: Annotated[list[ChatCompletionMessage], Field(min_length=1)]
    max_completion_tokens: Tokens | None = None
    tools: list[ChatCompletionTool] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    modalities: Modalities | None = None
    store: bool | None = Field(
        default=None, description="`false`: nothing of it is kept beyond its end."
    )
    audio: Annotated[Any, refuse("answers are text"), NOTHING] = None
    functions: Annotated[Any, refuse(_USE_TOOLS), NOTHING] = None
    function_call: Annotated[Any, refuse(_USE_TOOLS), NOTHING] = None
    web_search_options: Annotated[
        Any, refuse("nothing is searched on the web", also_empty=True), NOTHING
    ] = None

    @field_validator("top_logprobs")
    @classmethod
    def _of_logprobs(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value and not info.data.get("logprobs"):
            raise ValueError("needs `logprobs: true`")
        return value
