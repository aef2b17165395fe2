"""A load generator that costs little: keep-alive connections over a C parser.

Each caller has one connection and sends its next request when the last is answered.
What is measured: the whole answer's time, the time to its first body byte that carries
text, and the bytes themselves, so that every answer is checked.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httptools


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send what, and how to know a right answer.

    Args:
        name: Whose it is.
        port: On loopback.
        head: The request's lines without Content-Length.
        body: Its JSON.
        is_text: Tells whether bytes of the answer carry generated text.
        is_right: Tells whether the whole answer is what was asked for.
    """

    name: str
    port: int
    head: bytes
    body: bytes
    is_text: Callable[[bytes], bool]
    is_right: Callable[[bytes], bool]

    def request(self) -> bytes:
        """Write the request."""
        return b"%bContent-Length: %d\r\n\r\n%b" % (
            self.head,
            len(self.body),
            self.body,
        )


@dataclass(slots=True)
class Timings:
    """What the callers saw, in seconds."""

    wall: float = 0.0
    whole: list[float] = field(default_factory=list)
    first_text: list[float] = field(default_factory=list)
    wrong: int = 0
    sample: bytes = b""


class _Connection(asyncio.Protocol):
    """One caller's connection: one request at a time."""

    def __init__(self, target: Target) -> None:
        self._is_text = target.is_text
        self._transport: asyncio.WriteTransport | None = None
        self._done: asyncio.Future[None] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self.status = 0
        self.parts: list[bytes] = []
        self.first_text_at: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a socket's can write

    def data_received(self, data: bytes) -> None:
        if self._parser is not None:
            self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or ConnectionError("closed"))

    def on_body(self, body: bytes) -> None:
        if self.first_text_at is None and self._is_text(body):
            self.first_text_at = time.perf_counter()
        self.parts.append(body)

    def on_message_complete(self) -> None:
        if self._parser is not None:
            self.status = self._parser.get_status_code()
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    async def ask(self, request: bytes) -> None:
        """Send a request and wait for the whole answer."""
        self._parser = httptools.HttpResponseParser(self)
        self.parts, self.first_text_at = [], None
        self._done = asyncio.get_running_loop().create_future()
        if self._transport is None:
            raise ConnectionError("not connected")
        self._transport.write(request)
        await self._done

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def call(target: Target, *, callers: int, requests: int) -> Timings:
    """Send so many requests from so many callers at once."""
    loop = asyncio.get_running_loop()
    connections = []
    for _ in range(callers):
        _, connection = await loop.create_connection(
            lambda: _Connection(target), "127.0.0.1", target.port
        )
        connections.append(connection)
    left = iter(range(requests))
    timings = Timings()
    began = time.perf_counter()
    await asyncio.gather(*(_one(c, target, left, timings) for c in connections))
    timings.wall = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return timings


async def _one(
    connection: _Connection, target: Target, left: "object", timings: Timings
) -> None:
    request = target.request()
    for _ in left:  # type: ignore[attr-defined]  # an iterator shared by all callers
        began = time.perf_counter()
        await connection.ask(request)
        timings.whole.append(time.perf_counter() - began)
        if connection.first_text_at is not None:
            timings.first_text.append(connection.first_text_at - began)
        answer = b"".join(connection.parts)
        timings.sample = timings.sample or answer
        if connection.status != 200 or not target.is_right(answer):
            timings.wrong += 1
            timings.sample = answer
