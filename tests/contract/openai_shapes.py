"""The shapes of OpenAI's published answers, in JSON Schemas of our own.

Nothing is allowed that its reference does not have, but `reasoning_content`.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema

_FOLDER = Path(__file__).parent / "openai"


def check(name: str, value: Any) -> None:
    """Fail unless a value has the shape of that name."""
    schema = json.loads((_FOLDER / f"{name}.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(value)
