"""The body of `POST /v1/responses`, as far as it means something here."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator

from backend.api.openai.schemas.refused import NOTHING, refuse
from backend.api.openai.schemas.response_items import Input
from backend.api.openai.schemas.sampling import ReasoningEffort, Tokens
from backend.api.openai.schemas.tools import (
    FunctionDefinition,
    FunctionName,
    ResponseFormatJSONObject,
    ResponseFormatText,
)
from backend.api.schemas.lenient import Lenient, Object
from backend.api.schemas.strict import ModelName
from backend.api.schemas.submit import Metadata

LOGPROBS = "message.output_text.logprobs"


def _type(value: Any) -> str:  # whatever JSON can hold
    kind = value.get("type") if isinstance(value, dict) else "word"
    return kind if isinstance(kind, str) else "?"


class FunctionTool(FunctionDefinition):
    """A function that the model may call; the caller runs it."""

    type: Literal["function"]


OfferedTool = Annotated[
    Annotated[FunctionTool, Tag("function")],
    Discriminator(
        _type,
        custom_error_type="tool_type",
        custom_error_message=(
            "must be an object whose `type` is function: this server has no tools of"
            " its own"
        ),
    ),
]


class ToolChoiceFunction(Lenient):
    """The tool that the model must call."""

    type: Literal["function"]
    name: FunctionName


class ToolChoiceAllowed(Lenient):
    """Those of the tools that the model may call, or must."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: Annotated[list[ToolChoiceFunction], Field(min_length=1)]


ResponseToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("word")]
    | Annotated[ToolChoiceFunction, Tag("function")]
    | Annotated[ToolChoiceAllowed, Tag("allowed_tools")],
    Discriminator(
        _type,
        custom_error_type="tool_choice",
        custom_error_message=(
            "must be none, auto, required, or an object whose `type` is function or"
            " allowed_tools"
        ),
    ),
]


class ResponseFormatTextJSONSchemaConfig(Lenient):
    """JSON that a schema allows; the answer keeps to it, whatever `strict` says."""

    type: Literal["json_schema"]
    name: FunctionName
    # `schema` is a method of the models.
    schema_: Object = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None


class ResponseTextConfig(Lenient):
    """In which form the answer is wanted."""

    format: (
        Annotated[
            ResponseFormatText
            | ResponseFormatJSONObject
            | ResponseFormatTextJSONSchemaConfig,
            Field(discriminator="type"),
        ]
        | None
    ) = None


class Reasoning(Lenient):
    """How much the model shall think; its thoughts are told as they are."""

    effort: ReasoningEffort | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class ResponseCreateParams(Lenient):
    """What is asked."""

    model: ModelName
    input: Input
    instructions: str | None = None
    previous_response_id: Annotated[str, Field(max_length=100)] | None = None
    store: bool | None = None
    background: bool | None = None
    stream: bool | None = None
    tools: list[OfferedTool] | None = None
    tool_choice: ResponseToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: ResponseTextConfig | None = None
    reasoning: Reasoning | None = None
    max_output_tokens: Tokens | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    include: list[str] | None = None
    truncation: Literal["disabled"] | None = None
    metadata: Metadata | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    conversation: Annotated[
        Any, refuse("is not supported; send previous_response_id"), NOTHING
    ] = None
    prompt: Annotated[
        Any, refuse("no templates are kept here; send `input`"), NOTHING
    ] = None
    context_management: Annotated[
        Any, refuse("nothing is left out of a conversation"), NOTHING
    ] = None
    moderation: Annotated[
        Any, refuse("nothing is moderated here; leave it out"), NOTHING
    ] = None

    @field_validator("background")
    @classmethod
    def _kept(cls, value: bool | None, info: ValidationInfo) -> bool | None:  # noqa: FBT001 — pydantic's
        if value and info.data.get("store") is False:
            raise ValueError("needs `store: true`")
        return value

    @property
    def stored(self) -> bool:
        """Tell whether the response can be asked for again."""
        return self.store is not False

    @property
    def with_logprobs(self) -> bool:
        """Tell whether the probabilities of the tokens are wanted."""
        return bool(self.top_logprobs) or LOGPROBS in (self.include or ())
