"""From Ollama's requests to the native ones (pure)."""

from dataclasses import dataclass
from typing import Any

from backend.api.calls.asking import Asked
from backend.api.ollama.options import split
from backend.api.ollama.schemas.chat import OllamaChatRequest, OllamaTool
from backend.api.ollama.schemas.embed import OllamaEmbedRequest
from backend.api.ollama.schemas.generate import OllamaGenerateRequest
from backend.api.ollama.schemas.parts import OfModel, OfText
from backend.core.jobs.states import Kind

_OF_PROMPT = ("prompt", "suffix", "system", "template", "raw", "images")


@dataclass(frozen=True, slots=True)
class Translation:
    """What is asked for, and the names of what is left out of it."""

    asked: Asked
    ignored: tuple[str, ...]


def chat(body: OllamaChatRequest) -> Translation:
    """Say in the native API's words what is asked."""
    messages = [m.model_dump(exclude_none=True) for m in body.messages or ()]
    request: dict[str, Any] = {"messages": messages}
    for message in messages:
        for call in message.get("tool_calls", ()):
            # Go takes no arguments for an empty object.
            call["function"].setdefault("arguments", {})
    if body.tools:
        request["tools"] = [_tool(tool) for tool in body.tools]
    return _text(Kind.CHAT, body, request)


def generate(body: OllamaGenerateRequest) -> Translation:
    """Say in the native API's words what is asked."""
    given = {name: getattr(body, name) for name in _OF_PROMPT}
    return _text(Kind.GENERATE, body, {n: v for n, v in given.items() if v})


def embed(body: OllamaEmbedRequest) -> Translation:
    """Say in the native API's words what is asked.

    Ollama's own default holds here: texts that are too long are cut.
    """
    request = {"input": body.input, "truncate": body.truncate is not False}
    if body.dimensions is not None and body.dimensions > 0:
        request["dimensions"] = body.dimensions
    return _of_model(Kind.EMBED, body, request, [])


def load(body: OfModel) -> Translation:
    """Say in the native API's words that the model shall be in memory."""
    _, ignored = split(body.options)
    return Translation(Asked(Kind.LOAD, body.model, {}), (*_policys(body), *ignored))


def _text(kind: Kind, body: OfText, request: dict[str, Any]) -> Translation:
    given = {"format": body.format, "think": body.think}
    if body.logprobs:
        given |= {"logprobs": True, "top_logprobs": body.top_logprobs or None}
    request |= {name: value for name, value in given.items() if value is not None}
    ignored = ["shift"] if body.shift is not None else []
    if body.truncate:
        # A prompt is answered whole or refused.
        ignored.append("truncate")
    return _of_model(kind, body, request, ignored)


def _of_model(
    kind: Kind, body: OfModel, request: dict[str, Any], ignored: list[str]
) -> Translation:
    options, without = split(body.options)
    if options:
        request["options"] = options
    names = (*_policys(body), *ignored, *without)
    return Translation(Asked(kind, body.model, request), names)


def _policys(body: OfModel) -> tuple[str, ...]:
    """Name what the platform's own policy decides."""
    return () if body.keep_alive is None else ("keep_alive",)


def _tool(tool: OllamaTool) -> dict[str, Any]:
    function = tool.function.model_dump(exclude_none=True)
    return {"type": tool.type or "function", "function": function}
