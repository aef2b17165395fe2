"""Which tools a model is told of, and to what its answer is held (pure).

Ollama knows no `tool_choice`, but it can hold an answer to a JSON schema while it is
decoded. So a call that must be made is made certain: the schema allows nothing but
`{"name": …, "arguments": …}` of the tools that may be called, and the answer is told as
the call that it is. The same with tools and a schema for the answer together: the
schema then allows the one or the other. Where Ollama recognises the call by itself, it
is told as it comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from backend.core.errors import AppError
from backend.core.nesting import is_too_deep

Json = dict[str, Any]


class ToolChoiceUnmetError(AppError):
    """The model did not call a tool, though `tool_choice` demands it; ask again."""

    code, status, retryable = "tool_choice_unmet", 502, True


@dataclass(frozen=True, slots=True)
class Tooling:
    """The tools of a request.

    Args:
        tools: Those that the model is told of.
        form: What its answer is held to: None, `json` or a JSON schema.
        names: Of the tools whose calls may stand in the text; none if text is text.
        required: Whether one of them must be called.
        single: Whether no more than one may be called.
    """

    tools: tuple[Json, ...] = ()
    form: Any = None
    names: frozenset[str] = frozenset()
    required: bool = False
    single: bool = False

    def settled(
        self, text: str, calls: list[Json], done_reason: str | None
    ) -> tuple[str, list[Json]]:
        """Tell what of a whole answer is text, and which calls it makes.

        Raises:
            ToolChoiceUnmetError: If a call was demanded, and none was made.
        """
        if not calls and (call := _call_in(text, self.names)) is not None:
            return "", [call]
        if not calls and self.required and done_reason != "length":
            raise ToolChoiceUnmetError
        return text, self.at_most(calls)

    def at_most(self, calls: list[Json], *, told: int = 0) -> list[Json]:
        """Leave out the calls that are too many, after some that were told."""
        return calls[: max(0, 1 - told)] if self.single else calls


def tooling(
    tools: Sequence[Json],
    *,
    answer: Any = None,
    required: bool = False,
    single: bool = False,
) -> Tooling:
    """Decide to what the answer of a model with tools is held.

    Args:
        tools: Those that may be called, in Ollama's form.
        answer: What an answer that is no call is held to: `json` or a JSON schema.
        required: Whether one must be called.
        single: Whether no more than one may be called.
    """
    names = frozenset(tool["function"]["name"] for tool in tools)
    return Tooling(
        tools=tuple(tools),
        form=_held(tools, answer, required=required),
        names=names if required or answer is not None else frozenset(),
        required=required,
        single=single,
    )


def _held(tools: Sequence[Json], answer: Any, *, required: bool) -> Any:
    if not tools or (answer is None and not required):
        return answer
    if answer == "json" and not required:
        # Any object: a call is one.
        return answer
    places: Json = {} if required else {"answer": answer}
    places |= {f"call_{n}": _call_schema(tool) for n, tool in enumerate(tools)}
    definitions = {
        name: _moved(schema, f"#/$defs/{name}") for name, schema in places.items()
    }
    choices = [{"$ref": f"#/$defs/{name}"} for name in places]
    return {"anyOf": choices, "$defs": definitions}


def _call_schema(tool: Json) -> Json:
    function = tool["function"]
    arguments = {"type": "object", "properties": {}} | (
        function.get("parameters") or {}
    )
    return {
        "type": "object",
        "properties": {
            "name": {"const": function["name"]},
            "arguments": _moved(arguments, "#/properties/arguments"),
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _moved(schema: Any, place: str) -> Any:
    """Let the references of a schema, which begin at its root, begin at a place."""
    if isinstance(schema, list):
        return [_moved(part, place) for part in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    moved = {name: _moved(part, place) for name, part in schema.items()}
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = place + reference[1:]
    return moved


def _call_in(text: str, names: frozenset[str]) -> Json | None:
    """Read a call that stands in a text; None if it is none."""
    if not names:
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or found.keys() != {"name", "arguments"}:
        return None
    name, arguments = found["name"], found["arguments"]
    is_call = isinstance(name, str) and isinstance(arguments, dict)
    if is_too_deep(arguments, text):
        # It could be told to nobody.
        return None
    return {"function": found} if is_call and name in names else None
