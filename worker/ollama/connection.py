"""One kept-alive connection: a socket and a C parser for what comes out of it.

Own wire code, because its cost is what a token costs: with 64 threads and one-token
answers httpx costs about 1,000 µs of CPU a request, httpx over urllib3 500, and an
exchange over this 100, all measured side by side against a server that is never the
bottleneck.
"""

import socket
import ssl
import struct
import time

import httptools

READ_BYTES = 65536
# What setsockopt takes as a time: seconds and microseconds.
TIMEVAL = struct.Struct("ll")


class PeerClosedError(ConnectionError):
    """The other side closed the connection before its answer was complete."""


class Connection:
    """Sends one request at a time and reads its answer, one socket read at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.idle_since = 0.0
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        self._reset()

    def send(self, request: bytes, *, timeout_seconds: float | None) -> None:
        """Send a whole request; what was read before is forgotten."""
        self._reset()
        self.socket.settimeout(timeout_seconds)
        self.socket.sendall(request)
        self.socket.settimeout(None)  # from here on `_limit` says how long

    def receive(self, timeout_seconds: float | None) -> bytes:
        """Read once; give the bytes of the body that came, which may be none.

        Raises:
            PeerClosedError: The connection ended in the middle of the answer.
            TimeoutError: Nothing came in time.
            httptools.HttpParserError: What came is not HTTP.
        """
        self._limit(timeout_seconds)
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError as error:
            raise TimeoutError("nothing came in time") from error
        if not data:
            self._end_of_stream()
            return b""
        self._parser.feed_data(data)
        if len(self._body) == 1:
            return self._body.pop()
        body = b"".join(self._body)
        self._body.clear()
        return body

    @property
    def is_reusable(self) -> bool:
        """Whether the answer was read to its end and another request may follow."""
        return self.is_complete and self._keep_alive and self._answers == 1

    def is_stale(self) -> bool:
        """Tell whether it was closed while idle, or has bytes nobody asked for."""
        try:
            socket.socket.recv(self.socket, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def rest(self) -> None:
        """Note since when the connection is idle."""
        self.idle_since = time.monotonic()
        if self._is_tls:
            self.socket.settimeout(None)  # else Python waits where `is_stale` peeks

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def header(self, name: bytes) -> bytes:
        """Give a header of the answer by its lower-case name; empty if it has none."""
        return next((v for k, v in self.headers if k.lower() == name), b"")

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._keep_alive = False
        self._answers = 0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False

    def _limit(self, seconds: float | None) -> None:
        # The kernel's own limit: with Python's, each read is three system calls that
        # each let go of the GIL, a fifth of what a token costs. OpenSSL needs Python's.
        if self._is_tls:
            self.socket.settimeout(seconds)
            return
        # Zero means for ever, so no deadline may be rounded down to it.
        whole, part = divmod(0 if seconds is None else max(seconds, 1e-3), 1)
        value = TIMEVAL.pack(int(whole), int(part * 1e6))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)

    def _end_of_stream(self) -> None:
        framed = self.header(b"content-length") or self.header(b"transfer-encoding")
        if not self.status or framed:
            raise PeerClosedError(
                "the connection was closed in the middle of an answer"
            )
        self.is_complete = True  # an answer without a length ends with its connection

    # What the parser calls.
    def on_message_begin(self) -> None:
        """Count answers: a second one was not asked for."""
        self._answers += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Keep the status, and whether the connection stays open."""
        self.status = self._parser.get_status_code()
        self._keep_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Note that the answer is there."""
        self.is_complete = True
