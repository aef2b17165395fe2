"""Everything we ask of an Ollama.

Answers that take as long as a model takes are an `Exchange`, with deadlines and a way
to cut them off; short questions go through httpx. Both use the same connections.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx
import orjson

from worker.ollama.abort import AbortSwitch
from worker.ollama.classify import classify
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import (
    AttemptTimeoutError,
    FirstTokenTimeoutError,
    LoadTimeoutError,
    MalformedAnswerError,
    UpstreamUnavailableError,
)
from worker.ollama.exchange import Exchange
from worker.ollama.inventory import InstalledModel, LoadedModel, ModelDetails
from worker.ollama.pool import ConnectionPool, Origin
from worker.ollama.transport import PooledTransport
from worker.ollama.wire import Line, parse

# Short questions are answered from memory or disk; Ollama takes some milliseconds.
QUESTION_SECONDS = 10.0
UNLOAD_DEADLINES = Deadlines(
    first_token_seconds=30.0, silence_seconds=None, attempt_seconds=30.0
)

T = TypeVar("T")


class OllamaClient:
    """One Ollama; safe to use from many threads."""

    def __init__(self, base_url: str, *, connect_timeout_seconds: float = 5.0) -> None:
        origin = Origin.of(base_url)
        self._pool = ConnectionPool(
            origin, connect_timeout_seconds=connect_timeout_seconds
        )
        self._http = httpx.Client(
            transport=PooledTransport(self._pool),
            base_url=base_url,
            timeout=QUESTION_SECONDS,
            trust_env=False,
        )

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def version(self) -> str:
        """Give Ollama's version; a simulator's says that it is one."""
        return _field(self._ask("GET", "/api/version"), "version", str)

    def tags(self) -> list[InstalledModel]:
        """List the models on disk."""
        answer = self._ask("GET", "/api/tags")
        return _entries(answer, InstalledModel.of)

    def ps(self) -> list[LoadedModel]:
        """List the models in memory."""
        answer = self._ask("GET", "/api/ps")
        return _entries(answer, LoadedModel.of)

    def show(self, model: str) -> ModelDetails:
        """Tell what a model can do."""
        return ModelDetails.of(self.describe(model))

    def describe(self, model: str) -> Line:
        """Tell all that Ollama says of a model."""
        return self._ask("POST", "/api/show", {"model": model})

    def load(
        self,
        model: str,
        *,
        keep_alive: int | str | None,
        options: Mapping[str, Any],  # Ollama's: numbers, texts, lists of texts
        limits: Deadlines,
        shift: bool,
        is_embedding: bool = False,
        headers: Mapping[str, str] | None = None,
        switch: AbortSwitch | None = None,
    ) -> None:
        """Bring a model into memory and wait until it is there.

        Args:
            model: Its name.
            keep_alive: Seconds or a duration; negative is for ever; None is Ollama's.
            options: Those that decide how it is loaded, such as `num_ctx`.
            limits: How long it may take.
            shift: Whether a full context drops its oldest tokens; another value later
                loads the model anew.
            is_embedding: Embedding models refuse to generate, also to generate nothing.
            headers: Sent along.
            switch: What another thread ends the waiting with.

        Raises:
            LoadTimeoutError: It took longer.
        """
        body: Line = {"model": model, "options": dict(options), "shift": shift}
        if keep_alive is not None:
            body["keep_alive"] = keep_alive
        if is_embedding:
            body["input"] = ""
        path = "/api/embed" if is_embedding else "/api/generate"
        try:
            self._one(path, body, limits, headers=headers, switch=switch)
        except (FirstTokenTimeoutError, AttemptTimeoutError) as error:
            raise LoadTimeoutError from error

    def unload(self, model: str) -> None:
        """Take a model out of memory; requests that run on it are answered first."""
        # Also right for an embedding model: unloading is decided before capabilities.
        self._one("/api/generate", {"model": model, "keep_alive": 0}, UNLOAD_DEADLINES)

    def delete(self, model: str) -> None:
        """Remove a model from disk and memory."""
        self._call("DELETE", "/api/delete", orjson.dumps({"model": model}))

    def copy(self, model: str, destination: str) -> None:
        """Give a model a second name."""
        names = {"source": model, "destination": destination}
        self._call("POST", "/api/copy", orjson.dumps(names))

    def embed(
        self,
        body: Line,
        deadlines: Deadlines,
        *,
        headers: Mapping[str, str] | None = None,
        switch: AbortSwitch | None = None,
    ) -> Line:
        """Give the whole answer of `/api/embed`."""
        return self._one("/api/embed", body, deadlines, headers=headers, switch=switch)

    def pull(
        self, model: str, *, deadlines: Deadlines, switch: AbortSwitch | None = None
    ) -> Exchange:
        """Download a model; iterate the exchange for its lines of progress."""
        body = orjson.dumps({"model": model, "stream": True})
        return self.open("/api/pull", body, deadlines=deadlines, switch=switch)

    def open(
        self,
        path: str,
        body: bytes,
        *,
        deadlines: Deadlines,
        headers: Mapping[str, str] | None = None,
        switch: AbortSwitch | None = None,
    ) -> Exchange:
        """Prepare an exchange; it is sent when it is iterated.

        Args:
            path: `/api/chat`, `/api/generate`, `/api/embed` or `/api/pull`.
            body: JSON; with `"stream": true` for chat and generate.
            deadlines: How long what may take.
            headers: Sent along, such as X-Request-Id and traceparent.
            switch: One that may have ended it already; its own if None.
        """
        return Exchange(
            self._pool,
            path=path,
            body=body,
            deadlines=deadlines,
            headers=headers or {},
            is_last=LAST_LINES[path],
            switch=switch or AbortSwitch(),
        )

    def _one(
        self,
        path: str,
        body: Line,
        deadlines: Deadlines,
        *,
        headers: Mapping[str, str] | None = None,
        switch: AbortSwitch | None = None,
    ) -> Line:
        document = orjson.dumps({**body, "stream": False})
        with self.open(
            path, document, deadlines=deadlines, headers=headers, switch=switch
        ) as exchange:
            return [line for lines in exchange for line in lines][-1]

    def _ask(self, method: str, path: str, body: Line | None = None) -> Line:
        content = None if body is None else orjson.dumps(body)
        return parse(self._call(method, path, content))

    def _call(self, method: str, path: str, content: bytes | None) -> bytes:
        try:
            response = self._http.request(
                method,
                path,
                content=content,
                headers={"Content-Type": "application/json"},
                timeout=QUESTION_SECONDS,
            )
        except httpx.RemoteProtocolError as error:
            raise MalformedAnswerError(str(error)) from error
        except httpx.TransportError as error:
            raise UpstreamUnavailableError(str(error)) from error
        if response.status_code != httpx.codes.OK:
            raise classify(response.status_code, response.text)
        return response.content


def _is_done(line: Line) -> bool:
    return line.get("done") is True


def _is_success(line: Line) -> bool:
    return line.get("status") == "success"


def _is_only(line: Line) -> bool:
    return "embeddings" in line


# By what an answer's last object is known: without it the answer is not whole.
LAST_LINES: Mapping[str, Callable[[Line], bool]] = {
    "/api/chat": _is_done,
    "/api/generate": _is_done,
    "/api/embed": _is_only,
    "/api/pull": _is_success,
}


def _entries(answer: Line, read: Callable[[Line], T]) -> list[T]:
    try:
        return [read(entry) for entry in _field(answer, "models", list)]
    except (KeyError, AttributeError, TypeError) as error:
        raise MalformedAnswerError("the list of models has an odd entry") from error


def _field(answer: Line, name: str, kind: type[T]) -> T:
    value = answer.get(name)
    if not isinstance(value, kind):
        raise MalformedAnswerError(f"the answer has no {name!r}")
    return value
