"""Ollama's OpenAI paths, `/v1/…`: translated, then answered as its own."""

import base64
from collections.abc import Mapping
from typing import Any

from ollama_sim import requests
from ollama_sim.endpoints.chat import chat_job
from ollama_sim.endpoints.embed import embedded, inputs
from ollama_sim.endpoints.generate import generate_job
from ollama_sim.errors import ApiError
from ollama_sim.exchange import PLAIN_JSON, Exchange
from ollama_sim.generation import generate
from ollama_sim.go_json import expect_object, loads
from ollama_sim.model import Model
from ollama_sim.openai_lines import OpenAiLines
from ollama_sim.simulator import Simulator
from ollama_sim.vectors import packed

_OPTIONS = {
    "temperature": "temperature",
    "seed": "seed",
    "max_tokens": "num_predict",
    "max_completion_tokens": "num_predict",
    "top_p": "top_p",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
_TYPES = {400: "invalid_request_error", 404: "not_found_error"}


# Any: JSON.
def error_body(error: ApiError) -> dict[str, Any]:
    """Return an error as OpenAI has it."""
    kind = _TYPES.get(error.status, "api_error")
    fields = {"message": error.text, "type": kind, "param": None, "code": None}
    return {"error": fields}


async def models(sim: Simulator, exchange: Exchange) -> None:
    """List the installed models."""
    listed = [_listed(m, m.name) for m in sim.catalogue.all()]
    exchange.reply_json(200, {"object": "list", "data": listed}, PLAIN_JSON)


async def model(sim: Simulator, exchange: Exchange) -> None:
    """Describe one."""
    name = exchange.path.removeprefix("/v1/models/")
    found = sim.catalogue.find(name)
    exchange.reply_json(200, _listed(found, name), PLAIN_JSON)


def _listed(found: Model, name: str) -> dict[str, Any]:
    created = found.modified_ns // 10**9
    return {"id": name, "object": "model", "created": created, "owned_by": "library"}


async def chat(sim: Simulator, exchange: Exchange) -> None:
    """Answer a conversation."""
    body = expect_object(loads(exchange.body), "ChatCompletionRequest")
    if not body.get("messages"):
        raise ApiError(400, "[] is too short - 'messages'")
    messages = [_native(message) for message in body["messages"]]
    requests.check_messages(messages)
    native = _translated(body) | {
        "messages": messages,
        "tools": body.get("tools"),
        "format": _format(body.get("response_format")),
        "think": _effort(body.get("reasoning_effort")),
    }
    lines = _lines(exchange, body, chat=True)
    await generate(sim, exchange, chat_job(sim, exchange, native, lines, None))


async def complete(sim: Simulator, exchange: Exchange) -> None:
    """Answer a prompt."""
    body = expect_object(loads(exchange.body), "CompletionRequest")
    native = _translated(body) | {
        "prompt": body.get("prompt") or "",
        "suffix": body.get("suffix"),
        "think": False,
    }
    lines = _lines(exchange, body, chat=False)
    await generate(sim, exchange, generate_job(sim, exchange, native, lines, None))


async def embed(sim: Simulator, exchange: Exchange) -> None:
    """Embed one text or several."""
    body = expect_object(loads(exchange.body), "EmbedRequest")
    texts = inputs(body.get("input"))
    if not texts:
        raise ApiError(400, "invalid input")
    native = {name: body.get(name) for name in ("model", "dimensions")}
    result = await embedded(sim, exchange, native, texts)
    if result is None:
        return
    as_base64 = body.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "embedding": base64.b64encode(packed(v)).decode() if as_base64 else v,
            "index": index,
        }
        for index, v in enumerate(result.vectors)
    ]
    usage = {"prompt_tokens": result.tokens, "total_tokens": result.tokens}
    answer = {"object": "list", "data": data, "model": body["model"], "usage": usage}
    exchange.reply_json(200, answer, PLAIN_JSON)


def _lines(exchange: Exchange, body: Mapping[str, Any], *, chat: bool) -> OpenAiLines:
    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    name, number = body.get("model") or "", exchange.state.id
    return OpenAiLines(name, number, chat=chat, usage=usage)


def _translated(body: Mapping[str, Any]) -> dict[str, Any]:
    """Translate what both kinds of request have."""
    options = {
        theirs: body[ours]
        for ours, theirs in _OPTIONS.items()
        if body.get(ours) is not None
    }
    # Not OpenAI's: tests can ask for a fault or a length on these paths too.
    options |= {name: body[name] for name in body if name.startswith("sim_")}
    stop = body.get("stop")
    options |= {"stop": [stop] if isinstance(stop, str) else stop} if stop else {}
    model = body.get("model") or ""
    return {"model": model, "options": options, "stream": bool(body.get("stream"))}


def _native(message: Any) -> Any:
    """Translate a message; one that is none is left for the check."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    parts = message["content"]
    text = "".join(part.get("text") or "" for part in parts)
    urls = [part["image_url"] for part in parts if "image_url" in part]
    links = [url["url"] if isinstance(url, dict) else url for url in urls]
    if not all(link.startswith("data:") for link in links):
        raise ApiError(400, "image URLs are not currently supported")
    images = [link.partition("base64,")[2] for link in links]
    return {"role": message.get("role"), "content": text, "images": images}


def _format(wanted: Any) -> Any:
    if not wanted or wanted.get("type") == "text":
        return None
    if wanted.get("type") == "json_schema":
        return (wanted.get("json_schema") or {}).get("schema")
    return "json"


def _effort(effort: Any) -> Any:
    return False if effort == "none" else effort
