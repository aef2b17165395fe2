"""`/api/pull` and `/api/push`, against a registry that is not there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from ollama_sim import requests
from ollama_sim.broken import hang, spoil
from ollama_sim.catalogue import full_name, key_of
from ollama_sim.errors import ApiError
from ollama_sim.exchange import NDJSON, PLAIN_JSON, Exchange
from ollama_sim.faults import Fault, Mode
from ollama_sim.go_json import dumps
from ollama_sim.model import digest_of, model_named
from ollama_sim.simulator import Simulator

# Ollama reports this often.
_TICK_SECONDS = 0.06
# Names that no registry has, so that a failing pull can be had at any time.
_UNKNOWN = ("missing", "nope")
# The layers beside the weights: template, license, parameters.
_SMALL_LAYERS = (1482, 11343, 42)

# Any: a line of progress is JSON.
Progress = AsyncIterator[dict[str, Any]]


async def pull(sim: Simulator, exchange: Exchange) -> None:
    """Download a model."""
    await _transfer(sim, exchange, "PullRequest", _pulling)


async def push(sim: Simulator, exchange: Exchange) -> None:
    """Upload a model."""
    await _transfer(sim, exchange, "PushRequest", _pushing)


async def _transfer(
    sim: Simulator,
    exchange: Exchange,
    struct: str,
    steps: Callable[[Simulator, str], Progress],
) -> None:
    body = requests.read(exchange.body, struct, requests.NAMED)
    name = body.get("model") or body.get("name") or ""
    if key_of(name) is None:
        raise ApiError(400, "invalid model name")
    exchange.state.model = key_of(name)
    fault = sim.faults.pick(exchange.path, exchange.state.model)
    in_stream = fault is not None and bool(fault.after_tokens)
    if fault is not None and not in_stream and await spoil(exchange, fault):
        return
    progress = steps(sim, name)
    if body.get("stream") is False:
        await _tell_end(exchange, progress)
    else:
        await _tell_all(exchange, progress, fault if in_stream else None)


async def _tell_end(exchange: Exchange, progress: Progress) -> None:
    try:
        last = [step async for step in progress][-1]
    except ApiError as error:
        exchange.reply_json(500, {"error": error.text}, PLAIN_JSON)
    else:
        exchange.reply_json(200, last)


async def _tell_all(
    exchange: Exchange, progress: Progress, fault: Fault | None
) -> None:
    exchange.begin(200, NDJSON)
    told = 0
    try:
        async for step in progress:
            exchange.write(dumps(step) + b"\n")
            told += 1
            if fault is not None and told == fault.trigger:
                await _break(exchange, fault)
                if not exchange.open:
                    return
    except ApiError as error:
        exchange.finish(dumps({"error": error.text}) + b"\n")
    else:
        exchange.finish()


async def _break(exchange: Exchange, fault: Fault) -> None:
    exchange.state.fault = fault.mode
    if fault.mode is Mode.HANG:
        await hang(fault.seconds)
    elif fault.mode is Mode.DROP:
        exchange.abort()
    elif fault.mode is Mode.CUT:
        exchange.finish()
    elif fault.mode is Mode.MALFORMED:
        exchange.write(b'{"status":"pul\n')
    else:
        raise fault.error()


async def _pulling(sim: Simulator, name: str) -> Progress:
    key = key_of(name) or ""
    yield {"status": "pulling manifest"}
    _check_registry(sim, key)
    model = model_named(key)
    if not sim.catalogue.has(name):
        async for step in _downloading(sim, digest_of(key, "weights"), model.size):
            yield step
    for size in _SMALL_LAYERS:
        yield _layer(digest_of(key, str(size)), size, size)
    yield {"status": "verifying sha256 digest"}
    yield {"status": "writing manifest"}
    if not sim.catalogue.has(name):
        sim.catalogue.pulled(name)
    yield {"status": "success"}


def _check_registry(sim: Simulator, key: str) -> None:
    if sim.settings.registry == "offline":
        registry, _, path = full_name(key).partition("/")
        url = f"https://{registry}/v2/{path.replace(':', '/manifests/')}"
        cause = f'Get "{url}": dial tcp: lookup {registry}: no such host'
        raise ApiError(500, f"pull model manifest: {cause}")
    if key.rpartition("/")[2].startswith(_UNKNOWN):
        raise ApiError(500, "pull model manifest: file does not exist")


async def _downloading(sim: Simulator, digest: str, total: int) -> Progress:
    """Report progress; what is there already stays when the caller leaves."""
    loop = asyncio.get_running_loop()
    begun, had = loop.time(), sim.partial_pulls.get(digest, 0)
    completed = had
    yield _layer(digest, total, completed)
    while completed < total:
        seconds = sim.settings.pull_seconds
        await asyncio.sleep(_TICK_SECONDS if seconds else 0)
        part = (loop.time() - begun) / seconds if seconds else 1
        completed = min(total, had + int(part * total))
        sim.partial_pulls[digest] = completed
        yield _layer(digest, total, completed)
    del sim.partial_pulls[digest]


def _layer(digest: str, total: int, completed: int) -> dict[str, Any]:
    layer = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}"}
    counts = {"total": total, "completed": completed}
    return layer | {name: count for name, count in counts.items() if count}


async def _pushing(sim: Simulator, name: str) -> Progress:
    yield {"status": "retrieving manifest"}
    model = sim.catalogue.find(name)
    if sim.settings.registry == "offline" or "/" not in model.name:
        raise ApiError(
            500,
            "you are not authorized to push to this namespace, create the model "
            "under a namespace you own",
        )
    layer = _layer(model.blob, model.size, model.size)
    yield layer | {"status": f"pushing {model.blob[:12]}"}
    yield {"status": "pushing manifest"}
    yield {"status": "success"}
