"""One request and the writing of its response, straight onto the transport.

The head goes out with the first byte of the body, as Ollama does it: until its first
token a caller sees nothing. Head, chunks and end that are ready together leave in one
write, which is what makes the simulator cheap enough to measure others against.
"""

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol

from ollama_sim import go_json

JSON = b"application/json; charset=utf-8"
PLAIN_JSON = b"application/json"
NDJSON = b"application/x-ndjson"
EVENTS = b"text/event-stream"
TEXT = b"text/plain"
# Go's server sends what fits its buffer with a length and the rest in chunks.
GO_BUFFER_BYTES = 2048


class Wire(Protocol):
    """What an exchange needs of its connection."""

    def finished(self, *, keep: bool) -> None:
        """Take the next request, or close."""

    def abort(self) -> None:
        """Close the socket without ending the response."""

    async def drained(self) -> None:
        """Wait until the caller has read enough of what was sent."""


class Exchange:
    """A request with its response."""

    __slots__ = (
        "_chunked",
        "_head",
        "_keep",
        "_send",
        "_wire",
        "body",
        "gone",
        "headers",
        "method",
        "open",
        "path",
        "started",
        "state",
        "status",
    )

    def __init__(
        self,
        wire: Wire,
        method: str,
        path: str,
        *,
        send: Callable[[bytes], None],
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        keep: bool = True,
        chunked: bool = True,
    ) -> None:
        self._wire = wire
        # The transport's own method: a call less for each of a stream's writes.
        self._send = send
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self._keep = keep
        self._chunked = chunked
        self._head = b""
        self.started = False
        self.open = True
        self.gone = False
        self.status = 0
        # Any: what the application keeps about this request (its journal record).
        self.state: Any = None

    def header(self, name: bytes) -> bytes:
        """Return a header of the request, or nothing."""
        return next((value for key, value in self.headers if key == name), b"")

    def reply(
        self, status: int, body: bytes, content_type: bytes, extra: bytes = b""
    ) -> None:
        """Answer with a whole body."""
        if len(body) > GO_BUFFER_BYTES:
            self.begin(status, content_type)
            self.finish(body)
            return
        self.status = status
        kind = b"Content-Type: %b\r\n" % content_type if content_type else b""
        head = _head(status) + kind + _date(int(time.time())) + extra
        tail = b"Content-Length: %d\r\n\r\n" % len(body)
        self._send_last(head + tail + (b"" if self.method == "HEAD" else body))

    # Any: JSON.
    def reply_json(self, status: int, value: Any, content_type: bytes = JSON) -> None:
        """Answer with JSON."""
        self.reply(status, go_json.dumps(value), content_type)

    def begin(self, status: int, content_type: bytes) -> None:
        """Start a response in chunks; its head waits for the first of them."""
        self.status = status
        chunked = b"Transfer-Encoding: chunked\r\n" if self._chunked else b""
        kind = b"Content-Type: %b\r\n" % content_type
        date = _date(int(time.time()))
        self._head = b"".join((_head(status), kind, date, chunked, b"\r\n"))

    def write(self, data: bytes) -> None:
        """Send a chunk at once."""
        self.started = True
        self._send(self._head + self._chunk(data))
        self._head = b""

    def finish(self, data: bytes = b"") -> None:
        """Send the last chunk and the end."""
        end = b"0\r\n\r\n" if self._chunked else b""
        last = self._chunk(data) if data else b""
        self._send_last(self._head + last + end)

    def abort(self) -> None:
        """Close the socket without ending the response."""
        self.open = False
        self._wire.abort()

    async def turn(self) -> None:
        """Let others run, and wait for a caller that reads slowly."""
        await asyncio.sleep(0)
        await self._wire.drained()

    def _chunk(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data

    def _send_last(self, data: bytes) -> None:
        self.started = True
        self.open = False
        self._send(data)
        self._wire.finished(keep=self._keep and self._chunked)


@lru_cache(maxsize=64)
def _head(status: int) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
