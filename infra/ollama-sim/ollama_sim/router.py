"""From a request to its endpoint, and from an error to its response."""

import re
from collections.abc import Awaitable, Callable

from ollama_sim.broken import spoil
from ollama_sim.endpoints import (
    admin,
    chat,
    embed,
    generate,
    meta,
    models,
    openai,
    registry,
)
from ollama_sim.errors import ApiError
from ollama_sim.exchange import JSON, PLAIN_JSON, TEXT, Exchange
from ollama_sim.go_json import dumps
from ollama_sim.simulator import Simulator

Endpoint = Callable[[Simulator, Exchange], Awaitable[None]]

_LOCAL_ORIGIN = re.compile(
    r"(https?://(localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d+)?|(app|file|tauri)://.*"
    r"|vscode-(webview|file)://.*)"
)
_OWN = "/_sim/"
# They look for their faults themselves, once they know the model.
_PICK_THEMSELVES = {
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/api/embeddings",
    "/api/pull",
    "/api/push",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
}


def _readable(endpoint: Endpoint) -> dict[str, Endpoint]:
    return {"HEAD": endpoint, "GET": endpoint}


def routes() -> dict[str, dict[str, Endpoint]]:
    """Return the endpoints by path and method; a path that ends in `/` is a prefix."""
    return {
        "/": _readable(meta.root),
        "/api/version": _readable(meta.version),
        "/api/tags": _readable(models.tags),
        "/api/ps": {"GET": models.ps},
        "/api/show": {"POST": models.describe},
        "/api/chat": {"POST": chat.chat},
        "/api/generate": {"POST": generate.complete},
        "/api/embed": {"POST": embed.embed},
        "/api/embeddings": {"POST": embed.embed_prompt},
        "/api/pull": {"POST": registry.pull},
        "/api/push": {"POST": registry.push},
        "/api/create": {"POST": models.create},
        "/api/copy": {"POST": models.copy},
        "/api/delete": {"DELETE": models.delete},
        "/api/blobs/": {"HEAD": models.blob, "POST": models.blob},
        "/v1/models": {"GET": openai.models},
        "/v1/models/": {"GET": openai.model},
        "/v1/chat/completions": {"POST": openai.chat},
        "/v1/completions": {"POST": openai.complete},
        "/v1/embeddings": {"POST": openai.embed},
        "/_sim/requests": {"GET": admin.requests},
        "/_sim/stats": {"GET": admin.stats},
        "/_sim/reset": {"POST": admin.reset},
        "/_sim/faults": {
            "GET": admin.faults,
            "PUT": admin.set_faults,
            "DELETE": admin.clear_faults,
        },
        "/_sim/config": {"GET": admin.config, "PUT": admin.set_config},
    }


class Router:
    """Serves requests."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._routes = routes()

    async def __call__(self, exchange: Exchange) -> None:
        """Serve a request, and keep a record of it unless it is about the simulator."""
        if exchange.path.startswith(_OWN):
            await self._answer(exchange)
            return
        self._sim.journal.open(exchange)
        try:
            await self._answer(exchange)
        finally:
            self._sim.journal.close(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            endpoint = self._endpoint(exchange)
            if endpoint is not None and not await self._spoilt(exchange):
                await endpoint(self._sim, exchange)
        except ApiError as error:
            _reply_error(exchange, error)

    def _endpoint(self, exchange: Exchange) -> Endpoint | None:
        """Find the endpoint; where there is none, say so."""
        origin = exchange.header(b"origin").decode("latin1")
        if origin and not _LOCAL_ORIGIN.fullmatch(origin):
            exchange.reply(403, b"", b"")
            return None
        path = exchange.path
        methods = self._routes.get(path)
        if methods is None:
            methods = self._routes.get(path[: path.rfind("/") + 1]) or {}
            methods = methods if path.count("/") > 1 else {}
        endpoint = methods.get(exchange.method)
        if endpoint is None and methods:
            allow = b"Allow: %b\r\n" % ", ".join(methods).encode()
            exchange.reply(405, b"405 method not allowed", TEXT, allow)
        elif endpoint is None:
            exchange.reply(404, b"404 page not found", TEXT)
        return endpoint

    async def _spoilt(self, exchange: Exchange) -> bool:
        """Let a fault that is set for this path happen."""
        faults, path = self._sim.faults, exchange.path
        if not faults.all or path in _PICK_THEMSELVES or path.startswith(_OWN):
            return False
        fault = faults.pick(path, None)
        return fault is not None and await spoil(exchange, fault)


def _reply_error(exchange: Exchange, error: ApiError) -> None:
    openai_path = exchange.path.startswith("/v1/")
    value = openai.error_body(error) if openai_path else {"error": error.text}
    # Ollama checks the body before it takes the path for OpenAI's.
    plain = not error.charset or (openai_path and error.status != 400)
    content_type = PLAIN_JSON if plain else JSON
    if error.chunked:
        exchange.begin(error.status, content_type)
        exchange.finish(dumps(value))
    else:
        exchange.reply_json(error.status, value, content_type)
