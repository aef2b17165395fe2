"""Cut a request off from another thread, whatever state it is in.

Closing a response or a client from another thread wakes nobody who waits in `recv`:
the reader sits there until its timeout, and the GPU goes on. `shutdown` on the socket
itself wakes it at once, and Ollama sees that its caller is gone (JOBS.md 22). So each
request shows its socket to a switch before it uses it: while it connects, while it
waits for the head, in mid-stream, and when a kept connection is used again.
"""

import contextlib
import socket
import threading
from collections.abc import Callable


class ExchangeAbortedError(Exception):
    """We cut the exchange off ourselves."""

    def __init__(self, reason: str) -> None:
        """Keep why."""
        self.reason = reason
        super().__init__(reason)


class AbortSwitch:
    """Ends whatever request holds it, once and for good.

    One switch may serve several requests one after the other (a load, then the answer):
    after `abort` none of them starts any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._reason: str | None = None
        self._told: Callable[[str], None] | None = None

    def on_abort(self, told: Callable[[str], None]) -> None:
        """Call something too when this is switched; at once if it was."""
        with self._lock:
            self._told = told
            reason = self._reason
        if reason is not None:
            told(reason)

    @property
    def reason(self) -> str | None:
        """Why it was switched; None while it was not."""
        return self._reason

    def abort(self, reason: str) -> None:
        """Shut the socket in use, if any; later calls change nothing."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            if self._socket is not None:
                _shut(self._socket)
            told = self._told
        if told is not None:
            told(reason)

    def watch(self, sock: socket.socket) -> None:
        """Hold the socket that is used from now on.

        Raises:
            ExchangeAbortedError: It was switched before.
        """
        with self._lock:
            self.check()
            self._socket = sock

    def release(self) -> bool:
        """Let go of the socket; False if it was shut, so nobody may use it again."""
        with self._lock:
            self._socket = None
            return self._reason is None

    def check(self) -> None:
        """Raise ExchangeAbortedError if it was switched."""
        if self._reason is not None:
            raise ExchangeAbortedError(self._reason)


def _shut(sock: socket.socket) -> None:
    # The plain socket's own method: that of an SSLSocket takes the TLS state away from
    # under the thread that reads. An OSError means that there is no connection to shut.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
