"""The base of what callers send: nothing is coerced, nothing unknown is let pass."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*(?:[:/][A-Za-z0-9][A-Za-z0-9._@-]*)*")


class Strict(BaseModel):
    """A part of a request, with exactly these fields."""

    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


_MOST_CHARACTERS = 200


def is_model_name(text: str) -> bool:
    """Tell whether a text can be a model's name."""
    return len(text) <= _MOST_CHARACTERS and _MODEL.fullmatch(text) is not None


def _check_model(name: str) -> str:
    if not is_model_name(name):
        raise ValueError("is no name of a model, such as qwen3:0.6b")
    return name


ModelName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_MOST_CHARACTERS),
    AfterValidator(_check_model),
    Field(
        description="A model's name; `library/` and an explicit tag may be left out.",
        examples=["qwen3:0.6b"],
    ),
]
