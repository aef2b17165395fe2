"""The items of a response's input: messages, calls and what they gave, thoughts."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from backend.api.openai.schemas.messages import Arguments, ImageUrl
from backend.api.schemas.lenient import Lenient


class ResponseInputText(Lenient):
    """Text that the caller says."""

    type: Literal["input_text"]
    text: str


class ResponseInputImage(Lenient):
    """An image: a data URL."""

    type: Literal["input_image"]
    image_url: ImageUrl
    detail: str | None = None


class ResponseOutputText(Lenient):
    """Text of an earlier answer."""

    type: Literal["output_text"]
    text: str


class ResponseOutputRefusal(Lenient):
    """A refusal of an earlier turn; it is read as text."""

    type: Literal["refusal"]
    refusal: str


def _type(value: Any) -> str:  # whatever JSON can hold
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else "?"


Part = Annotated[
    Annotated[ResponseInputText, Tag("input_text")]
    | Annotated[ResponseInputImage, Tag("input_image")]
    | Annotated[ResponseOutputText, Tag("output_text")]
    | Annotated[ResponseOutputRefusal, Tag("refusal")],
    Discriminator(
        _type,
        custom_error_type="part_type",
        custom_error_message=(
            "must be an object whose `type` is input_text, input_image, output_text or"
            " refusal; files and audio are not supported"
        ),
    ),
]


def _form(value: Any) -> str:  # whatever JSON can hold
    return "parts" if isinstance(value, list) else "text"


Content = Annotated[
    Annotated[str, Tag("text")] | Annotated[list[Part], Tag("parts")],
    Discriminator(_form),
]


class EasyInputMessage(Lenient):
    """One turn of a conversation."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Content


class ResponseFunctionToolCall(Lenient):
    """A call that the model made in an earlier turn."""

    type: Literal["function_call"]
    call_id: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1, max_length=256)]
    arguments: Arguments


class FunctionCallOutput(Lenient):
    """What a call gave."""

    type: Literal["function_call_output"]
    call_id: Annotated[str, Field(min_length=1)]
    output: Content


class ReasoningSummary(Lenient):
    """Thoughts as these responses tell them."""

    type: Literal["summary_text"]
    text: str


class ReasoningContent(Lenient):
    """Thoughts as other servers tell them."""

    type: Literal["reasoning_text"]
    text: str


class ResponseReasoningItem(Lenient):
    """What the model thought in an earlier turn; what is encrypted is passed over."""

    type: Literal["reasoning"]
    summary: list[ReasoningSummary] | None = None
    content: list[ReasoningContent] | None = None

    @property
    def text(self) -> str:
        """Give the thoughts."""
        return "\n\n".join(part.text for part in self.content or self.summary or ())


def _item_type(value: Any) -> str:  # whatever JSON can hold
    is_easy = isinstance(value, dict) and "role" in value and value.get("type") is None
    return "message" if is_easy else _type(value)


InputItem = Annotated[
    Annotated[EasyInputMessage, Tag("message")]
    | Annotated[ResponseFunctionToolCall, Tag("function_call")]
    | Annotated[FunctionCallOutput, Tag("function_call_output")]
    | Annotated[ResponseReasoningItem, Tag("reasoning")],
    Discriminator(
        _item_type,
        custom_error_type="item_type",
        custom_error_message=(
            "must be an object whose `type` is message, function_call,"
            " function_call_output, reasoning or item_reference; the items of other"
            " tools are not supported"
        ),
    ),
]


Input = Annotated[
    Annotated[str, Field(min_length=1), Tag("text")]
    | Annotated[list[InputItem], Field(min_length=1), Tag("parts")],
    Discriminator(_form),
]
