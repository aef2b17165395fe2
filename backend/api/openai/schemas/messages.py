"""The messages of a chat."""

from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from backend.api.openai.schemas.refused import NOTHING, refuse
from backend.api.schemas.lenient import Lenient
from backend.core.nesting import DEEPEST, is_too_deep


class ChatCompletionContentPartText(Lenient):
    """Text in a message of several parts."""

    type: Literal["text"]
    text: str


class ChatCompletionContentPartRefusal(Lenient):
    """A refusal of an earlier turn; it is read as text."""

    type: Literal["refusal"]
    refusal: str


def _check_url(url: str) -> str:
    head, _, data = url.partition(",")
    if not data or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise ValueError(
            "must be a data URL, `data:image/png;base64,…`; images are not fetched from"
            " other addresses"
        )
    return url


ImageUrl = Annotated[
    str,
    AfterValidator(_check_url),
    Field(examples=["data:image/png;base64,iVBORw0KGgo="]),
]


class ChatCompletionImageURL(Lenient):
    """Where an image is: a data URL."""

    url: ImageUrl


class ChatCompletionContentPartImage(Lenient):
    """An image in a message of several parts."""

    type: Literal["image_url"]
    image_url: ChatCompletionImageURL


def _part(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else "?"


Part = Annotated[
    Annotated[ChatCompletionContentPartText, Tag("text")]
    | Annotated[ChatCompletionContentPartImage, Tag("image_url")]
    | Annotated[ChatCompletionContentPartRefusal, Tag("refusal")],
    Discriminator(
        _part,
        custom_error_type="part_type",
        custom_error_message=(
            "must be an object whose `type` is text, image_url or refusal; audio and"
            " files are not supported"
        ),
    ),
]


def _content(value: Any) -> str:
    return "parts" if isinstance(value, list) else "text"


Content = Annotated[
    Annotated[str, Tag("text")] | Annotated[list[Part], Tag("parts")],
    Discriminator(_content),
]


def _check_arguments(text: str) -> str:
    # Models that take no arguments are told of with none.
    text = text or "{}"
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    is_object = isinstance(value, dict)
    if not is_object:
        raise ValueError("must be a JSON object, written as a string")
    if is_too_deep(value, text):
        raise ValueError(f"is nested more than {DEEPEST} deep")
    return text


Arguments = Annotated[
    str, AfterValidator(_check_arguments), Field(examples=['{"city": "Paris"}'])
]


class ChatCompletionCalledFunction(Lenient):
    """A function as the model called it; the arguments are JSON in a text."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    arguments: Arguments


class ChatCompletionToolCall(Lenient):
    """A call that the model made in an earlier turn."""

    id: str
    type: Literal["function"] = "function"
    function: ChatCompletionCalledFunction


class ChatCompletionMessage(Lenient):
    """One turn of a chat."""

    role: Literal["developer", "system", "user", "assistant", "tool"]
    content: Content | None = None
    tool_calls: list[ChatCompletionToolCall] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = Field(
        default=None, description="What the model thought in an earlier turn."
    )
    reasoning: str | None = Field(
        default=None, description="Another name of `reasoning_content`."
    )
    function_call: Annotated[
        Any, refuse("is out of date; send `tool_calls`"), NOTHING
    ] = None

    @model_validator(mode="after")
    def _whole(self) -> "ChatCompletionMessage":
        if self.content is None and self.role != "assistant":
            raise ValueError(f"a message of the role {self.role} needs `content`")
        if self.role == "tool" and not self.tool_call_id:
            raise ValueError("a message of the role tool needs `tool_call_id`")
        return self
