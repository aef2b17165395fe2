"""What chats and completions have in common: how the model samples, how it is told."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from backend.api.openai.schemas.refused import NOTHING, refuse
from backend.api.schemas.lenient import Lenient
from backend.api.schemas.options import Text
from backend.api.schemas.strict import ModelName
from backend.api.schemas.submit import Metadata

# Each is a generation of its own.
MOST_CHOICES = 16


def _as_list(value: Any) -> Any:  # a text, texts, or what is refused afterwards
    if isinstance(value, str):
        value = [value]
    # An empty one would stop nothing.
    return [one for one in value if one != ""] if isinstance(value, list) else value


Stop = Annotated[
    list[Text],
    BeforeValidator(_as_list),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": 1_000},
                {
                    "type": "array",
                    "items": {"type": "string", "maxLength": 1_000},
                },
            ]
        }
    ),
]
Tokens = Annotated[int, Field(ge=1)]
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ChatCompletionStreamOptions(Lenient):
    """What a stream has beside the answer."""

    include_usage: bool | None = None


class Sampling(Lenient):
    """The fields that chats and completions share."""

    model: ModelName
    stream: bool | None = None
    stream_options: ChatCompletionStreamOptions | None = None
    max_tokens: Tokens | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: Stop | None = None
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None
    metadata: Metadata | None = None
    logit_bias: Annotated[
        Any, refuse("the models' tokens cannot be weighed; leave it out"), NOTHING
    ] = None

    @property
    def streamed(self) -> bool:
        """Tell whether the answer is wanted as it grows."""
        return bool(self.stream)

    @property
    def with_usage(self) -> bool:
        """Tell whether a stream ends with the counts of tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def options(self, max_tokens: int | None) -> dict[str, Any]:
        """Give Ollama's options."""
        names = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
        found = {name: getattr(self, name) for name in (*names, "seed", "stop")}
        found["num_predict"] = max_tokens
        return {name: value for name, value in found.items() if value is not None}
