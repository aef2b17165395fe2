"""What each kind of job needs, in Ollama's names (JOBS.md 6).

How much of it there may be, `input_limits` says: those numbers are the operator's.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from backend.api.schemas.images import Image
from backend.api.schemas.options import Format, Options, Think
from backend.api.schemas.patterns import NODE_ID
from backend.api.schemas.strict import Strict

Object = dict[str, Any]  # JSON objects that we pass on as they are


class CalledFunction(Strict):
    """A function as the model called it."""

    name: str = Field(min_length=1, max_length=256)
    arguments: Object
    index: int | None = None
    description: str | None = None


class ToolCall(Strict):
    """A call that the model made in an earlier turn."""

    function: CalledFunction
    id: str | None = None
    index: int | None = None


class Message(Strict):
    """One turn of a chat."""

    # Templates of some models know a `developer`, or a `control` (Granite).
    role: Literal["system", "developer", "user", "assistant", "tool", "control"]
    content: str = ""
    thinking: str | None = None
    images: list[Image] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class Function(Strict):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str = Field(min_length=1, max_length=256)
    description: str | None = None
    parameters: Object | None = None
    strict: bool | None = None


class Tool(Strict):
    """A tool that the model may use."""

    type: Literal["function"]
    function: Function


class Probabilities(Strict):
    """Whether the probabilities of the answer's tokens are wanted."""

    logprobs: bool | None = Field(
        default=None, description="Tell how likely each token of the answer was."
    )
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = Field(
        default=None, description="Beside each token so many that were likeliest."
    )


class ChatRequest(Probabilities):
    """A chat to go on with."""

    messages: list[Message] = Field(min_length=1)
    tools: list[Tool] | None = None
    format: Format | None = None
    think: Think | None = None
    options: Options | None = None


class GenerateRequest(Probabilities):
    """A prompt to complete."""

    prompt: str = Field(min_length=1)
    system: str | None = None
    images: list[Image] | None = None
    suffix: str | None = None
    template: str | None = None
    format: Format | None = None
    think: Think | None = None
    raw: bool | None = None
    options: Options | None = None

    @model_validator(mode="after")
    def _raw_is_all(self) -> "GenerateRequest":
        if self.raw and (self.system or self.template):
            raise ValueError(
                "raw takes the prompt as it is, so there is no system or template"
            )
        return self


def _check_input(value: Any) -> Any:  # a text or texts
    texts = [value] if isinstance(value, str) else value
    if (
        not isinstance(texts, list)
        or not texts
        or not all(isinstance(text, str) for text in texts)
        or value == ""
    ):
        raise ValueError("must be a text or a list of texts")
    return value


Input = Annotated[
    Any,
    AfterValidator(_check_input),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        }
    ),
]


class EmbedRequest(Strict):
    """One text or several to embed."""

    input: Input
    dimensions: Annotated[int, Field(ge=1, le=65_536)] | None = None
    truncate: bool | None = None
    options: Options | None = None


class LoadRequest(Strict):
    """Nothing is asked beside the model."""


class PullRequest(Strict):
    """Where to bring a model; without a node, to one that lives."""

    node: Annotated[str, Field(pattern=NODE_ID)] | None = None
