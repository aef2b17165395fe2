"""The body of `POST /v1/completions`, as far as it means something here."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from backend.api.openai.schemas.sampling import MOST_CHOICES, Sampling
from backend.api.openai.schemas.texts import Prompts


class CompletionRequest(Sampling):
    """Prompts to complete."""

    prompt: Prompts
    suffix: str | None = Field(
        default=None, description="What comes after; for models that can fill in."
    )
    echo: bool | None = None
    best_of: int | None = Field(
        default=None, description="No other number than `n`: all answers are told."
    )
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None

    @field_validator("prompt")
    @classmethod
    def _not_too_many(cls, value: list[str], info: ValidationInfo) -> list[str]:
        times = info.data.get("n") or 1
        if len(value) * times > MOST_CHOICES:
            raise ValueError(f"at most {MOST_CHOICES} answers at once: prompts times n")
        return value

    @field_validator("best_of")
    @classmethod
    def _all_are_told(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value != (info.data.get("n") or 1):
            raise ValueError("answers are not ranked; leave it out")
        return value

    @field_validator("logprobs")
    @classmethod
    def _not_of_prompts(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("echo"):
            raise ValueError("of a prompt's tokens are not known; leave out `echo`")
        return value
