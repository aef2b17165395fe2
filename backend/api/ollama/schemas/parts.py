"""What the bodies of Ollama's addresses have in common.

As Ollama does, they take null for what was left out.
"""

import json
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from backend.api.ollama.go_durations import keep_alive_seconds
from backend.api.schemas.lenient import Lenient, Object
from backend.api.schemas.strict import is_model_name

# Errors of this type are told as they are, without the field's name before them.
OLLAMAS_WORDS = "ollamas_words"


def in_ollamas_words(text: str) -> PydanticCustomError:
    """Make an error that is told in the words that Ollama has for it."""
    return PydanticCustomError(OLLAMAS_WORDS, "{text}", {"text": text})


def _check_name(name: str) -> str:
    if not name:
        raise in_ollamas_words("model is required")
    if not is_model_name(name):
        raise in_ollamas_words("invalid model name")
    return name


def _read_keep_alive(value: Any) -> float | None:  # whatever JSON can hold
    try:
        return keep_alive_seconds(value)
    except ValueError as error:
        raise in_ollamas_words(str(error)) from None


def _check_format(value: Any) -> Any:  # a JSON schema is any object
    if value is None or value == "":
        return None
    if value == "json" or isinstance(value, dict):
        return value
    shown = json.dumps(json.dumps(value))
    raise in_ollamas_words(
        f'invalid format: {shown}; expected "json" or a valid JSON Schema object'
    )


def _check_think(value: Any) -> Any:  # a boolean or a level
    choices = '"high", "medium", "low", "max", true, or false'
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise in_ollamas_words(f"think must be a boolean or string ({choices})")
    if value not in {"high", "medium", "low", "max"}:
        raise in_ollamas_words(f'invalid think value: "{value}" (must be {choices})')
    return value


def _check_top_logprobs(value: int | None) -> int | None:
    if value is not None and not 0 <= value <= 20:
        raise in_ollamas_words("top_logprobs must be between 0 and 20")
    return value


ModelName = Annotated[
    str,
    AfterValidator(_check_name),
    Field(description="A model's name.", min_length=1, examples=["qwen3:0.6b"]),
]
KeepAlive = Annotated[
    float | None,
    BeforeValidator(_read_keep_alive),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}],
            "description": "Checked, and subordinate to the platform's own policy.",
        }
    ),
]
OutputFormat = Annotated[
    Any,
    AfterValidator(_check_format),
    WithJsonSchema(
        {"anyOf": [{"enum": ["json", ""]}, {"type": "object"}, {"type": "null"}]}
    ),
]
Thinking = Annotated[
    Any,
    AfterValidator(_check_think),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"enum": ["low", "medium", "high", "max"]},
                {"type": "null"},
            ]
        }
    ),
]


TopLogprobs = Annotated[
    int | None,
    AfterValidator(_check_top_logprobs),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 20}, {"type": "null"}]}
    ),
]


class OfModel(Lenient):
    """A request to a model."""

    model: ModelName
    options: Object | None = None
    keep_alive: KeepAlive = None

    @property
    def unloads(self) -> bool:
        """Tell whether the model shall not stay in memory."""
        return self.keep_alive == 0


class OfText(OfModel):
    """A request for text."""

    stream: bool | None = None
    format: OutputFormat = None
    think: Thinking = None
    truncate: bool | None = None
    shift: bool | None = None
    logprobs: bool | None = None
    top_logprobs: TopLogprobs = None

    @property
    def streamed(self) -> bool:
        """Tell whether the answer comes line by line, as it does unless refused."""
        return self.stream is not False
