"""`/api/embed` and the older `/api/embeddings`."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from ollama_sim import requests
from ollama_sim.broken import spoil
from ollama_sim.durations import parse_keep_alive
from ollama_sim.endpoints.chat import fault_for
from ollama_sim.errors import TOO_LONG, ApiError
from ollama_sim.exchange import Exchange
from ollama_sim.model import Model
from ollama_sim.options import check, needs
from ollama_sim.settings import Settings
from ollama_sim.simulator import Simulator
from ollama_sim.vectors import normal, vector


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The vectors of some texts."""

    vectors: list[tuple[float, ...]]
    tokens: int
    total_ns: int
    load_ns: int


async def embed(sim: Simulator, exchange: Exchange) -> None:
    """Embed one text or several."""
    body = requests.read(exchange.body, "EmbedRequest", requests.EMBED)
    body["keep_alive"] = parse_keep_alive(body.get("keep_alive"))
    texts = inputs(body.get("input"))
    result = await embedded(sim, exchange, body, texts)
    if result is None:
        return
    counts = {
        "total_duration": result.total_ns,
        "load_duration": result.load_ns,
        "prompt_eval_count": result.tokens,
    }
    answer = {"model": body.get("model"), "embeddings": result.vectors}
    exchange.reply_json(200, answer | (counts if texts else {}))


async def embed_prompt(sim: Simulator, exchange: Exchange) -> None:
    """Embed one text, in the way of before `/api/embed`."""
    body = requests.read(exchange.body, "EmbeddingRequest", requests.EMBEDDING)
    body["keep_alive"] = parse_keep_alive(body.get("keep_alive"))
    texts = inputs(body.get("prompt"))
    result = await embedded(sim, exchange, body, texts)
    if result is not None:
        exchange.reply_json(200, {"embedding": result.vectors[0] if texts else []})


# Any: bodies are JSON.
def inputs(value: Any) -> list[str]:
    """Return the texts to embed; one empty text is none."""
    if value is None or value == "":
        return []
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise ApiError(400, "invalid input type")
    return texts


async def embedded(
    sim: Simulator, exchange: Exchange, body: dict[str, Any], texts: list[str]
) -> Embeddings | None:
    """Return the vectors of the texts; None where a fault ended the response."""
    started = time.perf_counter_ns()
    model = sim.catalogue.find(body.get("model"), pull_hint=True)
    exchange.state.model = model.name
    options = body.get("options") or {}
    check(options)
    wanted = needs(model, body)
    fault = fault_for(sim, exchange, model, options, wanted=wanted)
    if fault is not None and await spoil(exchange, fault):
        return None
    runner = await sim.scheduler.lease(
        model, wanted, keep_alive=body.get("keep_alive"), fault=fault
    )
    try:
        loaded = time.perf_counter_ns()
        await runner.take_slot()
        sim.journal.generation_started(model.name)
        how = "failed"
        try:
            tokens = _count(model, texts, runner.needs.num_ctx, body)
            size = body.get("dimensions") or 0
            await asyncio.sleep(_seconds(sim.settings, len(texts)))
            vectors = [_vector(model, text, size) for text in texts]
            how = "completed"
        except asyncio.CancelledError:
            how = "cancelled"
            raise
        finally:
            sim.journal.generation_ended(model.name, how)
            runner.free_slot()
    finally:
        sim.scheduler.give_back(runner)
    ended = time.perf_counter_ns()
    return Embeddings(vectors, tokens, ended - started, loaded - started)


def _seconds(settings: Settings, texts: int) -> float:
    # A runner of one slot takes the texts of a call one after the other.
    return settings.embed_call_seconds + texts * settings.embed_text_seconds


def _count(model: Model, texts: list[str], num_ctx: int, body: dict[str, Any]) -> int:
    counts = [model.count_tokens(text) for text in texts]
    if body.get("truncate") is False and any(count > num_ctx for count in counts):
        raise ApiError(400, TOO_LONG)
    return sum(min(count, num_ctx) for count in counts)


def _vector(model: Model, text: str, size: int) -> tuple[float, ...]:
    values = vector(text, model.embedding_length, salt=model.name)
    return normal(values[:size]) if 0 < size < len(values) else values
