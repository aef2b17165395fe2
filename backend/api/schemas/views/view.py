"""What all answers have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict

Object = dict[str, Any]  # JSON objects of others


class View(BaseModel):
    """A part of an answer; newer servers may add fields."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())
