"""Ollama's `options`, `format` and `think`, checked before they are accepted.

Ollama answers a wrong type in `options`, `stop` as a string and an unknown `format`
with a 500, which a queue would take for its own failure and repeat. Options that it
does not know it ignores, and so do we.
"""

from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

_FLOAT32 = 3.4e38
Float = Annotated[float, Field(ge=-_FLOAT32, le=_FLOAT32)]
Int = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
Text = Annotated[str, Field(max_length=1_000)]

# Each of them makes Ollama load the model anew, so they belong to the platform.
RELOADING = frozenset(
    {
        "num_ctx",
        "num_batch",
        "num_gpu",
        "main_gpu",
        "use_mmap",
        "use_mlock",
        "num_thread",
        "numa",
        "low_vram",
        "f16_kv",
        "logits_all",
        "vocab_only",
        "embedding_only",
        "rope_frequency_base",
        "rope_frequency_scale",
    }
)


class Options(BaseModel):
    """How to sample; those that load the model anew are the platform's."""

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, Any]

    num_predict: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="At most so many tokens; bounded by MAX_TOKENS_LIMIT."
    )
    temperature: Float | None = None
    top_p: Float | None = None
    top_k: Int | None = None
    min_p: Float | None = None
    typical_p: Float | None = None
    tfs_z: Float | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: list[Text] | None = None
    num_keep: Int | None = None
    repeat_last_n: Int | None = None
    repeat_penalty: Float | None = None
    presence_penalty: Float | None = None
    frequency_penalty: Float | None = None
    mirostat: Int | None = None
    mirostat_tau: Float | None = None
    mirostat_eta: Float | None = None
    penalize_newline: bool | None = None

    reloading: ClassVar[frozenset[str]] = RELOADING

    @model_validator(mode="after")
    def _belong_to_the_caller(self) -> "Options":
        taken = sorted(self.reloading & (self.__pydantic_extra__ or {}).keys())
        if taken:
            raise ValueError(
                f"{', '.join(taken)}: set by the platform for each model, since a"
                " change loads the model anew"
            )
        return self


def _check_format(value: Any) -> Any:  # a JSON schema is any object
    if value == "json" or isinstance(value, dict):
        return value
    raise ValueError('must be "json" or a JSON schema (an object)')


def _check_think(value: Any) -> Any:  # a boolean or a level
    if isinstance(value, bool) or value in ("low", "medium", "high", "max"):
        return value
    raise ValueError('must be true, false, "low", "medium", "high" or "max"')


Format = Annotated[
    Any,
    AfterValidator(_check_format),
    WithJsonSchema({"anyOf": [{"const": "json"}, {"type": "object"}]}),
]
Think = Annotated[
    Any,
    AfterValidator(_check_think),
    WithJsonSchema(
        {"anyOf": [{"type": "boolean"}, {"enum": ["low", "medium", "high", "max"]}]}
    ),
]
