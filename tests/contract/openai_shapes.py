"""The shapes of OpenAI's published answers, in JSON Schemas of our own.

Nothing is allowed that its reference does not have, but `reasoning_content`.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource

_FOLDER = Path(__file__).parent / "openai"


def check(name: str, value: Any) -> None:
    """Fail unless a value has the shape of that name."""
    schema = _schema(f"{name}.json")
    registry: Registry[Any] = Registry(retrieve=_resource)  # type: ignore[call-arg] # attrs' alias
    jsonschema.Draft202012Validator(schema, registry=registry).validate(value)


def _resource(uri: str) -> Resource[Any]:
    return Resource.from_contents(_schema(uri))


def _schema(name: str) -> Any:
    return json.loads((_FOLDER / name).read_text())
