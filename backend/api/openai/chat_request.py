"""From a chat completion's request to the native one (pure)."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from backend.api.calls.asking import Asked
from backend.api.calls.naming import Names, names
from backend.api.calls.tooling import Tooling
from backend.api.errors import invalid
from backend.api.openai.schemas.chat import ChatCompletionRequest
from backend.api.openai.schemas.messages import (
    ChatCompletionContentPartImage,
    ChatCompletionContentPartRefusal,
    ChatCompletionMessage,
)
from backend.core.jobs.states import Kind

Json = dict[str, Any]

# OpenAI's words for how much a model shall think; Ollama has no less than `low`.
_THINK: Mapping[str, bool | str] = {
    "none": False,
    "minimal": "low",
    "xhigh": "max",
}


def asked(body: ChatCompletionRequest, tools: Tooling) -> Asked:
    """Say in the native API's words what is asked.

    Raises:
        AppError: If a message answers a call that was not made.
    """
    request: Json = {
        "messages": messages(body.messages),
        "options": body.options(body.max_completion_tokens or body.max_tokens),
        "tools": list(tools.tools) or None,
        "format": tools.form,
        "logprobs": body.logprobs or None,
        "top_logprobs": body.top_logprobs or None,
    }
    if (effort := body.reasoning_effort) is not None:
        request["think"] = think(effort)
    return Asked(
        Kind.CHAT,
        body.model,
        {name: value for name, value in request.items() if value is not None},
        metadata=body.metadata,
        kept=body.store is not False,
        names=_names(body),
    )


def think(effort: str) -> bool | str:
    """Say in Ollama's words how much a model shall think."""
    return _THINK.get(effort, effort)


def messages(sent: Sequence[ChatCompletionMessage]) -> list[Json]:
    """Translate a conversation; a tool's answer is named after the call before it.

    Raises:
        AppError: If there was no such call before.
    """
    told: list[Json] = []
    called: dict[str, str] = {}
    for index, message in enumerate(sent):
        said = _message(message)
        if message.role == "tool" and message.tool_call_id is not None:
            name = called.get(message.tool_call_id)
            if name is None:
                field = f"messages.{index}.tool_call_id"
                raise invalid(field, "no message before this one made such a call")
            said |= {"tool_name": name, "tool_call_id": message.tool_call_id}
        called |= {call.id: call.function.name for call in message.tool_calls or ()}
        told.append(said)
    return told


def _message(message: ChatCompletionMessage) -> Json:
    role = "system" if message.role == "developer" else message.role
    said: Json = {"role": role, "content": _text(message)}
    if images := _images(message):
        said["images"] = images
    if thought := message.reasoning_content or message.reasoning:
        said["thinking"] = thought
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
    return said


def _text(message: ChatCompletionMessage) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    return "".join(
        part.refusal
        if isinstance(part, ChatCompletionContentPartRefusal)
        else part.text
        for part in message.content
        if not isinstance(part, ChatCompletionContentPartImage)
    )


def _images(message: ChatCompletionMessage) -> list[str]:
    if not isinstance(message.content, list):
        return []
    return [
        part.image_url.url.partition(",")[2]
        for part in message.content
        if isinstance(part, ChatCompletionContentPartImage)
    ]


def _names(body: ChatCompletionRequest) -> Names:
    newer = body.max_completion_tokens is not None
    return names(
        (
            r"request\.options\.num_predict$",
            "max_completion_tokens" if newer else "max_tokens",
        ),
        (r"request\.options\.", ""),
        (r"request\.(messages\.\d+)\.images.*", r"\1.content"),
        (r"request\.(messages\.\d+)\.thinking", r"\1.reasoning_content"),
        (r"request\.think$", "reasoning_effort"),
        (r"request\.format", "response_format"),
        (r"request\.", ""),
        (r"request$", "messages"),
        (r"kind$", "model"),
    )
