"""Calls in other protocols than the native one, for the mixture of the ledger."""

from collections.abc import Iterator
from typing import Any

import httpx
import orjson

from tests.factories import EMBED_MODEL, MODEL
from tests.integration.jobs.mixed_calls import Callers, Sort, Told


def _messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Call {number}. " * (1 + number % 3)}]


def _told(reply: httpx.Response, prompt: int, completion: int) -> Told:
    job_id = reply.headers["X-Corral-Job-Id"]
    return Told(job_id, "succeeded", prompt, completion)


def _openai(callers: Callers, number: int) -> Told:
    body = {"model": MODEL, "messages": _messages(number), "max_tokens": 3}
    reply = callers.send("/v1/chat/completions", number, body)
    usage = reply.json()["usage"]
    return _told(reply, usage["prompt_tokens"], usage["completion_tokens"])


def _openai_stream(callers: Callers, number: int) -> Told:
    body = {
        "model": MODEL,
        "messages": _messages(number),
        "max_completion_tokens": 1 + number % 5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    reply = callers.send("/v1/chat/completions", number, body)
    (usage,) = [data["usage"] for data in _events(reply) if data.get("usage")]
    return _told(reply, usage["prompt_tokens"], usage["completion_tokens"])


def _openai_embeddings(callers: Callers, number: int) -> Told:
    body = {"model": EMBED_MODEL, "input": f"text {number}"}
    reply = callers.send("/v1/embeddings", number, body)
    return _told(reply, reply.json()["usage"]["prompt_tokens"], 0)


def _anthropic(callers: Callers, number: int) -> Told:
    body = {"model": MODEL, "messages": _messages(number), "max_tokens": 4}
    reply = callers.send("/v1/messages", number, body)
    usage = reply.json()["usage"]
    return _told(reply, usage["input_tokens"], usage["output_tokens"])


def _ollama_stream(callers: Callers, number: int) -> Told:
    options = {"num_predict": 1 + number % 4}
    body = {"model": MODEL, "messages": _messages(number), "options": options}
    reply = callers.send("/api/chat", number, body)
    last = orjson.loads(reply.text.splitlines()[-1])
    return _told(reply, last["prompt_eval_count"], last["eval_count"])


def _ollama_after_a_mistake(callers: Callers, number: int) -> Told:
    """Ask for something wrong: it is no job, so something right follows."""
    body: dict[str, Any] = {"model": MODEL, "prompt": "x", "options": {"stop": 5}}
    callers.send("/api/generate", number, body, status=400)
    body = {"model": MODEL, "prompt": f"{number} and so on", "stream": False}
    reply = callers.send(
        "/api/generate", number, body | {"options": {"num_predict": 2}}
    )
    said = reply.json()
    return _told(reply, said["prompt_eval_count"], said["eval_count"])


def _events(reply: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in reply.text.splitlines():
        if line.startswith("data: {"):
            yield orjson.loads(line.removeprefix("data: "))


PROTOCOL_SORTS: tuple[Sort, ...] = (
    _openai,
    _openai_stream,
    _openai_embeddings,
    _anthropic,
    _ollama_stream,
    _ollama_after_a_mistake,
)
