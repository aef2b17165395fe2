"""Play a server byte by byte: accept, read a request, send what the test says.

with WireServer() as server:
    future = in_thread(client.version)
    peer = server.accept()
    peer.read_request()
    peer.send(json_answer({"version": "0.24.0"}))
    assert future.result(timeout=10) == "0.24.0"
"""

import contextlib
import json
import socket
import ssl
import struct
from collections.abc import Sequence
from typing import Any, Self

# Nothing here waits for long when all is well; this bounds a test that fails.
PATIENCE_SECONDS = 10.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE_SECONDS)
        self._socket = sock

    def read_request(self) -> tuple[str, dict[str, str], bytes]:
        """Read a whole request: its first line, its headers in lower case, its body."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._read()
        head, body = data.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        while len(body) < int(headers.get("content-length", 0)):
            body += self._read()
        return first, headers, body

    def read_a_little(self) -> None:
        """Wait until the client has begun to send."""
        self._read()

    def send(self, *pieces: bytes) -> None:
        """Send, each piece on its own."""
        for piece in pieces:
            self._socket.sendall(piece)

    def is_left(self) -> bool:
        """Wait until the client has gone; False if it still sends."""
        try:
            return self._socket.recv(65536) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """End the connection as a server does that has said everything."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def reset(self) -> None:
        """End it as a killed server does whose client still sends."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._socket.close()

    def _read(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the client has gone in the middle of its request")
        return data


class WireServer:
    """Listens on a free port."""

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, backlog: int = 128
    ) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(backlog)
        self._listener.settimeout(PATIENCE_SECONDS)
        self._tls = tls
        self._peers: list[Peer] = []
        self.address: tuple[str, int] = self._listener.getsockname()
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.address[1]}"

    def accept(self) -> Peer:
        """Wait for the next connection."""
        sock, _ = self._listener.accept()
        if self._tls is not None:
            sock = self._tls.wrap_socket(sock, server_side=True)
        peer = Peer(sock)
        self._peers.append(peer)
        return peer

    def has_another(self) -> bool:
        """Tell whether a connection waits that nobody accepted."""
        self._listener.settimeout(0)
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            return False
        finally:
            self._listener.settimeout(PATIENCE_SECONDS)
        return True

    def close(self) -> None:
        """Stop listening; connections stay."""
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for peer in self._peers:
            peer.close()
        self.close()


def head(status: int = 200, content_type: str = "application/x-ndjson") -> bytes:
    """Give the head of a chunked answer."""
    return (
        f"HTTP/1.1 {status} Whatever\r\nContent-Type: {content_type}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    ).encode()


def chunk(data: bytes) -> bytes:
    """Give a chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def line(document: Any) -> bytes:
    """Give a chunk that is one line of NDJSON."""
    return chunk(json.dumps(document).encode() + b"\n")


LAST_CHUNK = b"0\r\n\r\n"


def stream_answer(documents: Sequence[Any]) -> bytes:
    """Give a whole NDJSON answer."""
    return head() + b"".join(map(line, documents)) + LAST_CHUNK


def answer(
    body: bytes, *, status: int = 200, content_type: str = "application/json"
) -> bytes:
    """Give a whole answer with a length."""
    return (
        f"HTTP/1.1 {status} Whatever\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def json_answer(document: Any, *, status: int = 200) -> bytes:
    """Give a whole JSON answer."""
    return answer(json.dumps(document).encode(), status=status)
