"""The base of what callers send: nothing is coerced, nothing unknown is let pass."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*(?:[:/][A-Za-z0-9][A-Za-z0-9._@-]*)*")


class Strict(BaseModel):
    """A part of a request, with exactly these fields."""

    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


def _check_model(name: str) -> str:
    if _MODEL.fullmatch(name) is None:
        raise ValueError("is no name of a model, such as qwen3:0.6b")
    return name


ModelName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_check_model),
    Field(
        description="A model's name; `library/` and an explicit tag may be left out.",
        examples=["qwen3:0.6b"],
    ),
]
