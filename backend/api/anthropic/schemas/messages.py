"""The bodies of `POST /v1/messages` and its token count, as far as they mean something.

The names are those of Anthropic's own SDK. What is unknown is ignored.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from backend.api.schemas.images import Image
from backend.api.schemas.lenient import Lenient, Object
from backend.api.schemas.patterns import TOOL_NAME
from backend.api.schemas.strict import ModelName


class TextBlockParam(Lenient):
    """Text."""

    type: Literal["text"]
    text: str


class Base64ImageSourceParam(Lenient):
    """An image in the request itself."""

    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: Image


class ImageBlockParam(Lenient):
    """An image; addresses and files are not fetched."""

    type: Literal["image"]
    source: Base64ImageSourceParam


class PlainTextSourceParam(Lenient):
    """A document's text."""

    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: str


class DocumentBlockParam(Lenient):
    """A document, of plain text."""

    type: Literal["document"]
    source: PlainTextSourceParam
    title: str | None = None
    context: str | None = None


class ThinkingBlockParam(Lenient):
    """What the model thought in an earlier turn."""

    type: Literal["thinking"]
    thinking: str


class RedactedThinkingBlockParam(Lenient):
    """What another server's model thought; nobody here can read it."""

    type: Literal["redacted_thinking"]


class ToolUseBlockParam(Lenient):
    """A call that the model made in an earlier turn."""

    type: Literal["tool_use"]
    id: str
    name: Annotated[str, Field(min_length=1, max_length=256)]
    input: Object


def _blocks(value: Any) -> Any:  # a text stands for one block of it
    return [{"type": "text", "text": value}] if isinstance(value, str) else value


ToolResultContent = Annotated[
    TextBlockParam | ImageBlockParam | DocumentBlockParam, Field(discriminator="type")
]


class ToolResultBlockParam(Lenient):
    """What a tool gave."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: Annotated[
        list[ToolResultContent],
        BeforeValidator(_blocks, json_schema_input_type=str | list[ToolResultContent]),
    ] = Field(default_factory=list)
    is_error: bool = False


ContentBlockParam = Annotated[
    TextBlockParam
    | ImageBlockParam
    | DocumentBlockParam
    | ThinkingBlockParam
    | RedactedThinkingBlockParam
    | ToolUseBlockParam
    | ToolResultBlockParam,
    Field(discriminator="type"),
]


class MessageParam(Lenient):
    """One turn."""

    role: Literal["user", "assistant", "system"]
    content: Annotated[
        list[ContentBlockParam],
        BeforeValidator(_blocks, json_schema_input_type=str | list[ContentBlockParam]),
    ]


class ToolParam(Lenient):
    """A tool of the caller's own; `input_schema` is a JSON schema."""

    type: Literal["custom"] | None = None
    name: Annotated[str, Field(pattern=TOOL_NAME)]
    description: str | None = None
    input_schema: Object


class ToolChoiceParam(Lenient):
    """Whether tools may be used, or must be."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool = False


class ThinkingConfigParam(Lenient):
    """Whether the model thinks before it answers; a budget is not kept to."""

    type: Literal["enabled", "disabled", "adaptive", "between_tools"]


class JSONOutputFormatParam(Lenient):
    """What the answer has to be."""

    type: Literal["json_schema"]
    schema_: Annotated[Object, Field(alias="schema")]


class OutputConfigParam(Lenient):
    """How the answer shall be."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: JSONOutputFormatParam | None = None


class MetadataParam(Lenient):
    """Who asks."""

    user_id: Annotated[str, Field(max_length=512)] | None = None


class MessageCountTokensParams(Lenient):
    """Messages whose tokens are to be counted."""

    model: ModelName
    messages: Annotated[list[MessageParam], Field(min_length=1)]
    system: (
        Annotated[
            list[TextBlockParam],
            BeforeValidator(_blocks, json_schema_input_type=str | list[TextBlockParam]),
        ]
        | None
    ) = None
    tools: list[ToolParam] | None = None
    tool_choice: ToolChoiceParam | None = None
    thinking: ThinkingConfigParam | None = None
    output_config: OutputConfigParam | None = None


class MessageCreateParams(MessageCountTokensParams):
    """Messages to be answered."""

    max_tokens: Annotated[int, Field(ge=1)]
    stream: bool = False
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    stop_sequences: list[Annotated[str, Field(min_length=1)]] | None = None
    metadata: MetadataParam | None = None
    container: Annotated[None, Field(description="Not offered.")] = None
    mcp_servers: Annotated[list[Object], Field(max_length=0)] | None = None
