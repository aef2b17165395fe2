"""From a chat completion's request to the native one (pure)."""

from typing import Any

import orjson

from backend.api.calls.asking import Asked
from backend.api.openai.schemas.chat import (
    ChatCompletionMessage,
    ChatCompletionRequest,
)
from backend.core.jobs.states import Kind

_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")


def asked(body: ChatCompletionRequest) -> Asked:
    """Say in the native API's words what is asked."""
    request: dict[str, Any] = {
        "messages": [_message(message) for message in body.messages],
        "options": _options(body),
    }
    if body.tools:
        request["tools"] = [t.model_dump(exclude_none=True) for t in body.tools]
    return Asked(Kind.CHAT, body.model, request, metadata=body.metadata)


def _options(body: ChatCompletionRequest) -> dict[str, Any]:
    options = {name: getattr(body, name) for name in _SAMPLING}
    options["num_predict"] = body.max_completion_tokens or body.max_tokens
    options["stop"] = [body.stop] if isinstance(body.stop, str) else body.stop
    return {name: value for name, value in options.items() if value is not None}


def _message(message: ChatCompletionMessage) -> dict[str, Any]:
    role = "system" if message.role == "developer" else message.role
    said: dict[str, Any] = {"role": role, "content": _text(message)}
    if message.tool_calls:
        said["tool_calls"] = [
            {
                "id": call.id,
                "function": {
                    "name": call.function.name,
                    "arguments": orjson.loads(call.function.arguments),
                },
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        said["tool_call_id"] = message.tool_call_id
    return said


def _text(message: ChatCompletionMessage) -> str:
    if isinstance(message.content, list):
        return "".join(p.text for p in message.content if p.type == "text")
    return message.content or ""
