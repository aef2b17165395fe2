"""HTTP/1.1 over httptools, one object a socket.

It calls the application once per complete request and, the moment the caller's socket
closes, cancels what still runs for it: that is how Ollama stops generating for a caller
who left, also while it is silent.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast

import httptools

from ollama_sim.exchange import Exchange

log = logging.getLogger("ollama_sim")

_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Connection: close\r\n\r\n400 Bad Request"
)


class Connection(asyncio.Protocol):
    """A caller's socket."""

    def __init__(
        self,
        serve: Callable[[Exchange], Awaitable[None]],
        connections: "set[Connection]",
    ) -> None:
        self._serve = serve
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None

    # What asyncio calls.
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        # A cast: uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what runs for a caller who left."""
        del exc
        self._connections.discard(self)
        self.resume_writing()
        current, self._current = self._current, None
        if current is not None and current.open and self._task is not None:
            current.gone = True
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Parse."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.write(_BAD_REQUEST)
            self._transport.close()

    def pause_writing(self) -> None:
        """Hold the stream: the caller reads too slowly."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let the stream go on."""
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # What httptools calls.
    def on_message_begin(self) -> None:
        """Start a request."""
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        """Take a piece of the URL."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Tell a caller who asks that its body is welcome."""
        if (b"expect", b"100-continue") in self._headers:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Serve the request, after those before it."""
        exchange = Exchange(
            self,
            self._parser.get_method().decode(),
            self._url.partition(b"?")[0].decode(),
            send=self._transport.write,
            headers=self._headers,
            body=b"".join(self._body),
            keep=self._parser.should_keep_alive(),
            chunked=self._parser.get_http_version() == "1.1",
        )
        if self._current is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)

    def _start(self, exchange: Exchange) -> None:
        self._current = exchange
        self._task = self._loop.create_task(self._run(exchange))

    async def _run(self, exchange: Exchange) -> None:
        try:
            await self._serve(exchange)
        except asyncio.CancelledError:
            if not exchange.gone:
                raise
        except Exception:
            log.exception("%s %s failed", exchange.method, exchange.path)
        if exchange.open:
            exchange.abort()

    # What an exchange calls.
    async def drained(self) -> None:
        """Wait until the caller has read enough of what was sent."""
        if self._drained is not None:
            await self._drained

    def finished(self, *, keep: bool) -> None:
        """Take the next request, or close."""
        self._current = None
        if not keep:
            self._transport.close()
        elif self._waiting:
            self._start(self._waiting.popleft())

    def abort(self) -> None:
        """Close the socket once what was written has gone out."""
        self._current = None
        self._transport.close()

    def close(self) -> None:
        """Close at shutdown."""
        if self._task is not None:
            self._task.cancel()
        self._transport.close()
