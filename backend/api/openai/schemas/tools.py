"""The tools of a chat, and in which form its answer is wanted."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from backend.api.schemas.lenient import Lenient, Object
from backend.api.schemas.patterns import FUNCTION_NAME

FunctionName = Annotated[str, Field(pattern=FUNCTION_NAME)]


class FunctionDefinition(Lenient):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: FunctionName
    description: str | None = None
    parameters: Object | None = None
    strict: bool | None = None


class ChatCompletionTool(Lenient):
    """A tool that the model may use."""

    type: Literal["function"]
    function: FunctionDefinition


class ChatCompletionFunctionName(Lenient):
    """The name of one of the tools."""

    name: FunctionName


class ChatCompletionNamedToolChoice(Lenient):
    """The tool that the model must call."""

    type: Literal["function"]
    function: ChatCompletionFunctionName


class ChatCompletionAllowedTools(Lenient):
    """Those of the tools that the model may call, or must."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[ChatCompletionNamedToolChoice], Field(min_length=1)]


class ChatCompletionAllowedToolChoice(Lenient):
    """A choice among some of the tools."""

    type: Literal["allowed_tools"]
    allowed_tools: ChatCompletionAllowedTools


def _choice(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else "word"
    return kind if isinstance(kind, str) else "?"


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("word")]
    | Annotated[ChatCompletionNamedToolChoice, Tag("function")]
    | Annotated[ChatCompletionAllowedToolChoice, Tag("allowed_tools")],
    Discriminator(
        _choice,
        custom_error_type="tool_choice",
        custom_error_message=(
            "must be none, auto, required, or an object whose `type` is function or"
            " allowed_tools"
        ),
    ),
]


class ResponseFormatText(Lenient):
    """Any text."""

    type: Literal["text"]


class ResponseFormatJSONObject(Lenient):
    """Any JSON object."""

    type: Literal["json_object"]


class ResponseFormatJSONSchema(Lenient):
    """A JSON schema; the answer keeps to it, whatever `strict` says."""

    name: FunctionName
    description: str | None = None
    # `schema` is a method of the models.
    schema_: Object | None = Field(default=None, alias="schema")
    strict: bool | None = None


class ResponseFormatJSONSchemaParam(Lenient):
    """JSON that a schema allows."""

    type: Literal["json_schema"]
    json_schema: ResponseFormatJSONSchema


ResponseFormat = Annotated[
    ResponseFormatText | ResponseFormatJSONObject | ResponseFormatJSONSchemaParam,
    Field(discriminator="type"),
]
