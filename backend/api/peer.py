"""Whether the caller is still there (JOBS.md 23): WSGI notices only on a write."""

import socket
from typing import Any


class Peer:
    """The caller's end of the connection, as far as the server shows it."""

    __slots__ = ("_socket",)

    def __init__(self, environ: dict[str, Any]) -> None:
        """Take gunicorn's socket; without one the caller counts as there."""
        self._socket: socket.socket | None = environ.get("gunicorn.socket")

    def is_gone(self) -> bool:
        """Peek without waiting; a pipelined request is no farewell."""
        if self._socket is None:
            return False
        try:
            return _peek(self._socket) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


def _peek(connection: socket.socket) -> bytes:
    # gevent's sockets turn MSG_DONTWAIT into a wait of the greenlet; with no timeout
    # at all they raise as the plain ones do.
    before = connection.gettimeout()
    connection.settimeout(0)
    try:
        return connection.recv(1, socket.MSG_PEEK)
    finally:
        connection.settimeout(before)
