"""Callers of every sort, and what each was told of its call.

A call is of the sort that its number says, so every run is the same mixture.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from tests.factories import EMBED_MODEL, MODEL

DROPPING = "tiny-chat:fault-drop-2"
HANGING = "tiny-chat:fault-hang-3"
# Known, but on no node: its jobs stay in the queue.
NOWHERE = "nowhere:latest"
JOBS = "/api/v1/jobs"


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller heard last; of who hung up nothing."""

    id: str
    state: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Callers:
    """Many callers at once, each thread with a connection of its own."""

    def __init__(
        self, url: str, keys: list[str], sorts: Sequence["Sort"], *, at_once: int
    ) -> None:
        self._url = url
        self._sorts = sorts
        self._keys = keys
        self._at_once = at_once
        self._own = threading.local()
        self._clients: list[httpx.Client] = []

    def call(self, count: int) -> list[Told]:
        """Make so many calls and give what was told of each."""
        try:
            with ThreadPoolExecutor(self._at_once) as pool:
                return list(pool.map(self._call, range(count)))
        finally:
            for client in self._clients:
                client.close()

    def _call(self, number: int) -> Told:
        return self._sorts[number % len(self._sorts)](self, number)

    def _client(self) -> httpx.Client:
        if not hasattr(self._own, "client"):
            client = httpx.Client(base_url=self._url, timeout=120, trust_env=False)
            self._own.client = client
            self._clients.append(client)
        found: httpx.Client = self._own.client
        return found

    def _post(self, path: str, number: int, **more: Any) -> Any:
        reply = self._client().post(path, **self._with_key(number, **more))
        assert reply.is_success, reply.text
        return reply.json()

    def send(
        self, path: str, number: int, body: dict[str, Any], *, status: int = 200
    ) -> httpx.Response:
        """Post to an address of any protocol."""
        reply = self._client().post(path, **self._with_key(number, json=body))
        assert reply.status_code == status, reply.text
        return reply

    def _with_key(self, number: int, **more: Any) -> dict[str, Any]:
        key = self._keys[number % len(self._keys)]
        headers = {"Authorization": f"Bearer {key}"} | more.pop("headers", {})
        return {"headers": headers} | more

    def waited(self, number: int, body: dict[str, Any], **headers: str) -> Told:
        """Wait for the end; a repeated call with the same key is the same call."""
        headers |= {"Prefer": "wait=100", "Idempotency-Key": f"call-{number}"}
        jobs = [
            self._post(JOBS, number, json=body, headers=headers)
            for _ in range(2 if number % 100 == 0 else 1)
        ]
        assert len({job["id"] for job in jobs}) == 1
        return _told(jobs[-1])

    def cancelled_in_the_queue(self, number: int, body: dict[str, Any]) -> Told:
        """Submit, then cancel at once."""
        job = self._post(JOBS, number, json=body)
        return _told(self._post(f"{JOBS}/{job['id']}/cancel", number))

    def streamed(
        self, number: int, body: dict[str, Any], *, then: str | None = None
    ) -> Told:
        """Listen to the end; or until the first token, and `then` cancel or leave."""
        with self._listening(number, body) as events:
            for event, data in events:
                if event == "state":
                    job_id = data["id"]
                elif event == "end":
                    return _told(data)
                elif event == "tokens" and then == "leave":
                    return Told(job_id)
                elif event == "tokens" and then == "cancel":
                    self._post(f"{JOBS}/{job_id}/cancel", number)
                    then = None
        raise AssertionError("the stream has no end")

    @contextmanager
    def _listening(
        self, number: int, body: dict[str, Any]
    ) -> Iterator[Iterator[tuple[str, Any]]]:
        headers = {"Accept": "text/event-stream"}
        more = self._with_key(number, json=body, headers=headers)
        with self._client().stream("POST", JOBS, **more) as reply:
            assert reply.status_code == 200, reply.read()
            yield _events(reply.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, orjson.loads(line.removeprefix("data: "))


def _told(job: dict[str, Any]) -> Told:
    return Told(job["id"], job["state"], **job["usage"])


def chat(number: int, model: str = MODEL, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"Call {number}. " * (1 + number % 3)}]
    request = {"messages": messages, "options": {"num_predict": 1 + number % 6}}
    return {"kind": "chat", "model": model, "request": request} | more


def generate(number: int) -> dict[str, Any]:
    request = {"prompt": f"{number} and so on", "options": {"num_predict": 3}}
    return {"kind": "generate", "model": MODEL, "request": request}


def embed(texts: list[str]) -> dict[str, Any]:
    request = {"input": texts, "truncate": False}
    return {"kind": "embed", "model": EMBED_MODEL, "request": request}


def broken(number: int, model: str, **more: Any) -> dict[str, Any]:
    """Ask for more than the model gives before it breaks."""
    body = chat(number, model, **more)
    body["request"]["options"] = {"num_predict": 9}
    return body


Sort = Callable[[Callers, int], Told]


def _chat(callers: Callers, number: int) -> Told:
    return callers.waited(number, chat(number))


def _stream(callers: Callers, number: int) -> Told:
    return callers.streamed(number, chat(number))


def _generate(callers: Callers, number: int) -> Told:
    return callers.waited(number, generate(number))


def _embed(callers: Callers, number: int) -> Told:
    return callers.waited(number, embed([f"text {number}"] * (1 + number % 2)))


def _fails_in_the_middle(callers: Callers, number: int) -> Told:
    return callers.streamed(number, broken(number, DROPPING))


def _is_mistaken(callers: Callers, number: int) -> Told:
    return callers.waited(number, embed(["word " * 1_000]))


def _cancels(callers: Callers, number: int) -> Told:
    return callers.streamed(number, broken(number, HANGING), then="cancel")


def _cancels_in_the_queue(callers: Callers, number: int) -> Told:
    return callers.cancelled_in_the_queue(number, chat(number, NOWHERE))


def _expires(callers: Callers, number: int) -> Told:
    return callers.waited(number, chat(number, NOWHERE, deadline_seconds=0.5))


def _leaves(callers: Callers, number: int) -> Told:
    body = broken(number, HANGING, on_disconnect="cancel")
    return callers.streamed(number, body, then="leave")


SORTS: tuple[Sort, ...] = (
    *([_chat] * 3),
    *([_stream] * 3),
    *([_generate] * 3),
    *([_embed] * 4),
    _fails_in_the_middle,
    _is_mistaken,
    _cancels,
    _cancels_in_the_queue,
    _expires,
    _leaves,
)
