"""The texts of a request: all that the model reads or is bound by (pure)."""

from typing import Any

import orjson

from backend.core.jobs.states import Kind

Request = dict[str, Any]  # a validated request, as JSON

_RARE = ("thinking", "tool_name", "tool_call_id")
_ROLE_AND_CONTENT = 2
_OF_PROMPTS = ("prompt", "system", "suffix", "template")


def texts_of(kind: Kind, request: Request) -> list[str]:
    """List the texts of a request; tools and schemas as the JSON that they are."""
    if kind is Kind.EMBED:
        given = request["input"]
        return [given] if isinstance(given, str) else given
    if kind is Kind.CHAT:
        texts = _of_chat(request)
    else:
        texts = [text for name in _OF_PROMPTS if (text := request.get(name))]
    if isinstance(request.get("format"), dict):
        texts.append(_json(request["format"]))
    return texts


def _of_chat(request: Request) -> list[str]:
    texts = []
    for message in request["messages"]:
        texts.append(message.get("content") or "")
        if len(message) > _ROLE_AND_CONTENT:
            texts += [text for name in _RARE if (text := message.get(name))]
            if calls := message.get("tool_calls"):
                texts.append(_json(calls))
    if tools := request.get("tools"):
        texts.append(_json(tools))
    return texts


def _json(value: Any) -> str:  # any JSON
    return orjson.dumps(value).decode()
