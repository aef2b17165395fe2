"""The tool call that a model with tools answers with."""

import random
import re
import string
from typing import Any

from ollama_sim.schema_text import instance

_ALPHABET = string.ascii_lowercase + string.digits
# What the recorded call took: the tokens of its markup, name and arguments.
CALL_TOKENS = 8


# Any: tools and their arguments are JSON.
def tool_call(tools: list[dict[str, Any]], prompt: str, number: int) -> dict[str, Any]:
    """Choose a tool, one that the prompt names if any, and make its arguments."""
    functions = [tool.get("function") or {} for tool in tools]
    named = (f for f in functions if f.get("name", "\0") in prompt)
    function = next(named, functions[0])
    return {
        "id": f"call_{_call_id(number)}",
        "function": {
            "index": 0,
            "name": function.get("name", ""),
            "arguments": _arguments(function.get("parameters"), prompt),
        },
    }


def _arguments(parameters: Any, prompt: str) -> Any:
    if not isinstance(parameters, dict) or not parameters.get("properties"):
        return {}
    return instance({"type": "object", **parameters}, _proper_noun(prompt))


def _proper_noun(prompt: str) -> str | None:
    """Find what the prompt is about: the last capitalised word after its first."""
    words = re.findall(r"[^\W\d_]+", prompt)
    return next((word for word in reversed(words[1:]) if word[0].isupper()), None)


def _call_id(number: int) -> str:
    draw = random.Random(number)  # noqa: S311 # repeatable, no secret
    return "".join(draw.choices(_ALPHABET, k=8))
