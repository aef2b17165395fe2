"""`/api/generate`."""

import zlib
from typing import Any

from ollama_sim import requests
from ollama_sim.answer import Ask
from ollama_sim.catalogue import full_name
from ollama_sim.durations import parse_keep_alive
from ollama_sim.endpoints.chat import fault_for, find, load_or_unload
from ollama_sim.errors import ApiError
from ollama_sim.exchange import Exchange
from ollama_sim.generation import generate
from ollama_sim.lines import Lines, NativeLines
from ollama_sim.model import Model
from ollama_sim.options import check, needs
from ollama_sim.run import Job
from ollama_sim.simulator import Simulator

_START_TOKENS = 4


async def complete(sim: Simulator, exchange: Exchange) -> None:
    """Answer a prompt."""
    body = requests.read(exchange.body, "GenerateRequest", requests.GENERATE)
    keep_alive = parse_keep_alive(body.get("keep_alive"))
    requests.check_images(body.get("images"))
    requests.thinking(body.get("think"))
    lines = NativeLines(
        body.get("model") or "",
        sim.clock,
        chat=False,
        top_logprobs=requests.top_logprobs(body),
        context=None if body.get("raw") else _context(body),
    )
    if not body.get("prompt"):
        await load_or_unload(
            sim, exchange, body, keep_alive=keep_alive, lines=lines, what="generate"
        )
        return
    await generate(sim, exchange, generate_job(sim, exchange, body, lines, keep_alive))


# Any: bodies are JSON.
def generate_job(
    sim: Simulator,
    exchange: Exchange,
    body: dict[str, Any],
    lines: Lines,
    keep_alive: float | None,
) -> Job:
    """Turn a request for a completion into what is to be generated."""
    model = find(sim, exchange, body.get("model"), "generate")
    if body.get("raw") and any(map(body.get, ("template", "system", "context"))):
        text = "raw mode does not support template, system, or context"
        raise ApiError(400, text)
    if body.get("suffix") and not model.can("insert"):
        raise ApiError(400, f"{full_name(model.name)} does not support insert")
    options = body.get("options") or {}
    check(options)
    text = (body.get("system") or "") + body["prompt"]
    wanted = needs(model, body)
    return Job(
        model=model,
        needs=wanted,
        ask=Ask(
            prompt=body["prompt"],
            text=text,
            options={**model.defaults, **options},
            output_format=body.get("format"),
            think=_think(body, model),
        ),
        lines=lines,
        prompt_tokens=_START_TOKENS + model.count_tokens(text),
        stream=body.get("stream") is not False,
        keep_alive=keep_alive,
        truncate=body.get("truncate") is not False,
        fault=fault_for(sim, exchange, model, options, wanted=wanted),
    )


def _think(body: dict[str, Any], model: Model) -> bool:
    wanted = requests.thinking(body.get("think"))
    if wanted and not model.can("thinking"):
        raise ApiError(400, f'"{body["model"]}" does not support thinking')
    return model.can("thinking") and wanted is not False and not body.get("raw")


def _context(body: dict[str, Any]) -> list[int]:
    """Make up the token ids of a prompt, one a word, after those of turns before."""
    words = (body.get("prompt") or "").encode().split()
    return [*(body.get("context") or ()), *(zlib.crc32(word) % 32000 for word in words)]
