"""The body of `POST /v1/chat/completions`, as far as it means something here."""

from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from backend.api.schemas.strict import ModelName
from backend.api.schemas.submit import Metadata

Object = dict[str, Any]  # JSON objects that we pass on as they are


class Lenient(BaseModel):
    """A part of a request: nothing is coerced, and what is unknown is ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


class ChatCompletionContentPartText(Lenient):
    """Text in a message of several parts."""

    type: Literal["text"]
    text: str


class ChatCompletionImageURL(Lenient):
    """Where an image is: a data URL."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class ChatCompletionContentPartImage(Lenient):
    """An image in a message of several parts."""

    type: Literal["image_url"]
    image_url: ChatCompletionImageURL


def _check_arguments(text: str) -> str:
    # Models that take no arguments are told of with none.
    text = text or "{}"
    try:
        is_object = isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        is_object = False
    if not is_object:
        raise ValueError("must be a JSON object, written as a string")
    return text


class ChatCompletionCalledFunction(Lenient):
    """A function as the model called it; the arguments are JSON in a text."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    arguments: Annotated[str, AfterValidator(_check_arguments)]


class ChatCompletionToolCall(Lenient):
    """A call that the model made in an earlier turn."""

    id: str
    type: Literal["function"] = "function"
    function: ChatCompletionCalledFunction


Part = Annotated[
    ChatCompletionContentPartText | ChatCompletionContentPartImage,
    Field(discriminator="type"),
]


class ChatCompletionMessage(Lenient):
    """One turn of a chat."""

    role: Literal["developer", "system", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ChatCompletionToolCall] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None


class FunctionDefinition(Lenient):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: Object | None = None
    strict: bool | None = None


class ChatCompletionTool(Lenient):
    """A tool that the model may use."""

    type: Literal["function"]
    function: FunctionDefinition


class ChatCompletionStreamOptions(Lenient):
    """What a stream has beside the answer."""

    include_usage: bool = False


class ChatCompletionRequest(Lenient):
    """A chat to go on with."""

    model: ModelName
    messages: Annotated[list[ChatCompletionMessage], Field(min_length=1)]
    stream: bool | None = False
    stream_options: ChatCompletionStreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: Annotated[int, Field(ge=1, le=16)] | None = None
    tools: list[ChatCompletionTool] | None = None
    metadata: Metadata | None = None
    user: str | None = None
