"""The bodies of the addresses that concern models as such."""

from typing import Any

from pydantic import field_validator, model_validator

from backend.api.ollama.schemas.parts import ModelName, in_ollamas_words
from backend.api.schemas.lenient import Lenient


class Named(Lenient):
    """A request that names a model; older clients call it `name`."""

    model: ModelName

    @model_validator(mode="before")
    @classmethod
    def _take_the_old_name(cls, body: Any) -> Any:  # whatever JSON can hold
        if isinstance(body, dict) and not body.get("model") and body.get("name"):
            return {**body, "model": body["name"]}
        return body


class OllamaShowRequest(Named):
    """Which model to describe."""


class OllamaDeleteRequest(Named):
    """Which model to remove."""


class OllamaPullRequest(Named):
    """Which model to bring."""

    stream: bool | None = None
    insecure: bool | None = None

    @field_validator("insecure")
    @classmethod
    def _refuse(cls, value: bool | None) -> bool | None:  # noqa: FBT001 — pydantic's
        if value:
            raise in_ollamas_words("insecure registries are not supported")
        return value


class OllamaCopyRequest(Lenient):
    """Which model gets a second name."""

    source: ModelName
    destination: ModelName
