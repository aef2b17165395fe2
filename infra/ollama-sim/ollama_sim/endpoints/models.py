"""What is installed and loaded; copy, create, delete, blobs."""

import hashlib
from collections.abc import Iterator
from typing import Any

from ollama_sim import requests
from ollama_sim.catalogue import key_of
from ollama_sim.errors import ApiError
from ollama_sim.exchange import NDJSON, Exchange
from ollama_sim.go_json import dumps
from ollama_sim.model import Model, digest_of
from ollama_sim.model_details import (
    details,
    show,
    tag,
    tag_with_capabilities,
    timestamp,
)
from ollama_sim.runner import Runner
from ollama_sim.simulator import Simulator

# From this version on `/api/tags` says what a model can do.
_TAGS_TELL_MORE = (0, 32)


async def tags(sim: Simulator, exchange: Exchange) -> None:
    """List the installed models."""
    numbers = map(int, sim.settings.ollama_version.split("."))
    describe = tag_with_capabilities if tuple(numbers) >= _TAGS_TELL_MORE else tag
    exchange.reply_json(200, {"models": [describe(m) for m in sim.catalogue.all()]})


async def ps(sim: Simulator, exchange: Exchange) -> None:
    """List the loaded models, the one that stays longest first."""
    runners = sorted(sim.scheduler.loaded.values(), key=lambda r: -r.expiry)
    exchange.reply_json(200, {"models": [_running(runner) for runner in runners]})


# Any: JSON.
def _running(runner: Runner) -> dict[str, Any]:
    model = runner.model
    return {
        "name": model.name,
        "model": model.name,
        "size": runner.size,
        "digest": model.digest,
        "details": details(model),
        "expires_at": timestamp(int(runner.expiry * 1e9)),
        "size_vram": runner.size_vram,
        "context_length": runner.needs.num_ctx,
    }


def _read(exchange: Exchange, struct: str) -> dict[str, Any]:
    return requests.read(exchange.body, struct, requests.NAMED)


async def describe(sim: Simulator, exchange: Exchange) -> None:
    """Describe a model in full."""
    body = _read(exchange, "ShowRequest")
    model = sim.catalogue.find(body.get("model") or body.get("name"))
    exchange.state.model = model.name
    exchange.reply_json(200, show(model))


async def copy(sim: Simulator, exchange: Exchange) -> None:
    """Give a model a second name."""
    body = _read(exchange, "CopyRequest")
    source, destination = body.get("source") or "", body.get("destination") or ""
    for what, name in (("source", source), ("destination", destination)):
        if key_of(name) is None:
            raise ApiError(400, f'{what} "{name}" is invalid')
    if not sim.catalogue.has(source):
        raise ApiError(404, f'model "{source}" not found')
    sim.catalogue.copy(source, destination)
    exchange.reply(200, b"", b"")


async def delete(sim: Simulator, exchange: Exchange) -> None:
    """Remove a model from the disk, and from memory."""
    body = _read(exchange, "DeleteRequest")
    name = body.get("model") or body.get("name") or ""
    if key_of(name) is None:
        raise ApiError(400, f'name "{name}" is invalid')
    sim.scheduler.unload(sim.catalogue.delete(name).name)
    exchange.reply(200, b"", b"")


async def create(sim: Simulator, exchange: Exchange) -> None:
    """Make a model from another, or from pushed blobs."""
    body = _read(exchange, "CreateRequest")
    name = body.get("model") or body.get("name") or ""
    source = body.get("from") or ""
    if key_of(name) is None or (source and key_of(source) is None):
        raise ApiError(400, "invalid model name", charset=False, chunked=True)
    if not source and not body.get("files"):
        text = 'neither "from" or "files" was specified'
        raise ApiError(400, text, charset=False, chunked=True)
    steps = list(_creation(sim, name, source, body))
    if body.get("stream") is False:
        exchange.reply_json(200, {"status": steps[-1]})
        return
    exchange.begin(200, NDJSON)
    exchange.finish(b"".join(dumps({"status": step}) + b"\n" for step in steps))


def _creation(
    sim: Simulator, name: str, source: str, body: dict[str, Any]
) -> Iterator[str]:
    """Create the model and name what Ollama does for it."""
    base = Model(name="") if not source else sim.catalogue.find(source)
    system, parameters = body.get("system") or "", body.get("parameters") or {}
    model = sim.catalogue.derive(base, name, system=system, parameters=parameters)
    yield f"using existing layer sha256:{base.blob}"
    yield f"using existing layer sha256:{digest_of(base.template)}"
    if system:
        yield f"creating new layer sha256:{digest_of(system)}"
    if parameters:
        yield f"creating new layer sha256:{digest_of(str(model.parameters))}"
    yield "writing manifest"
    yield "success"


async def blob(sim: Simulator, exchange: Exchange) -> None:
    """Tell whether a blob is there, or take it."""
    digest = exchange.path.rpartition("/")[2]
    if exchange.method == "POST":
        _take_blob(sim, exchange, digest)
        return
    known = {f"sha256:{model.blob}" for model in sim.catalogue.all()} | sim.blobs
    if digest not in known:
        raise ApiError(404, f'blob "{digest}" not found')
    exchange.reply(200, b"", b"")


def _take_blob(sim: Simulator, exchange: Exchange, digest: str) -> None:
    actual = f"sha256:{hashlib.sha256(exchange.body).hexdigest()}"
    if actual != digest:
        raise ApiError(400, f'digest mismatch, expected "{digest}", got "{actual}"')
    sim.blobs.add(digest)
    exchange.reply(201, b"", b"")
