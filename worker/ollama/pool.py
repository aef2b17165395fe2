"""Keep connections to one Ollama, and send requests over them.

A request goes over a kept connection if one is there, else over a new one. It is sent
a second time only when the kept connection turns out to be closed before the whole
request was written, so that no server can have worked on it. An answer that fails later
is the caller's to retry, with its own budget.
"""

import socket
import ssl
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.connection import Connection

# Proxies close idle connections after 60 s and more; below that the race between their
# closing and our sending does not happen.
MAX_IDLE_SECONDS = 30.0
MAX_IDLE_CONNECTIONS = 512


class ConnectError(ConnectionError):
    """No connection could be made; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a server is."""

    host: str
    port: int
    is_tls: bool
    prefix: str

    @classmethod
    def of(cls, base_url: str) -> "Origin":
        """Read a base URL such as `http://ollama:11434`.

        Raises:
            ValueError: It is not an http(s) URL with a host.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"not an http or https URL: {base_url!r}")
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        return cls(parts.hostname, port, is_tls, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """Give what belongs into the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class ConnectionPool:
    """Idle connections to one server; safe to use from many threads."""

    def __init__(self, origin: Origin, *, connect_timeout_seconds: float) -> None:
        self.origin = origin
        self._connect_timeout_seconds = connect_timeout_seconds
        self._tls = ssl.create_default_context() if origin.is_tls else None
        # Last in, first out: the surplus of a busy time ages and is closed.
        self._idle: deque[Connection] = deque()

    def send(
        self, request: bytes, switch: AbortSwitch, *, timeout_seconds: float | None
    ) -> Connection:
        """Send a request; the answer is read from the connection that is given.

        Raises:
            ConnectError: There is no way to the server.
            OSError: Sending failed.
            ExchangeAbortedError: The switch was used.
        """
        connection = self._kept(switch)
        if connection is not None:
            try:
                connection.send(request, timeout_seconds=timeout_seconds)
            except TimeoutError:
                self._drop(connection, switch)
                raise
            except OSError:
                self._drop(connection, switch)
            else:
                return connection
        connection = self._connect(switch, timeout_seconds)
        try:
            connection.send(request, timeout_seconds=timeout_seconds)
        except OSError:
            self._drop(connection, switch)
            switch.check()
            raise
        return connection

    def give(self, connection: Connection, switch: AbortSwitch) -> None:
        """Take a connection back; only one whose answer was read to its end is kept."""
        is_whole = switch.release() and connection.is_reusable
        if is_whole and len(self._idle) < MAX_IDLE_CONNECTIONS:
            connection.rest()
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close what is idle."""
        while (connection := self._pop()) is not None:
            connection.close()

    def _kept(self, switch: AbortSwitch) -> Connection | None:
        while (connection := self._pop()) is not None:
            age_seconds = time.monotonic() - connection.idle_since
            if age_seconds > MAX_IDLE_SECONDS or connection.is_stale():
                connection.close()
                continue
            try:
                switch.watch(connection.socket)
            except ExchangeAbortedError:
                connection.close()
                raise
            return connection
        return None

    def _pop(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _drop(self, connection: Connection, switch: AbortSwitch) -> None:
        switch.release()
        connection.close()

    def _connect(
        self, switch: AbortSwitch, timeout_seconds: float | None
    ) -> Connection:
        switch.check()  # before the name is looked up, which nobody can interrupt
        limit = self._connect_timeout_seconds
        if timeout_seconds is not None:
            limit = min(limit, timeout_seconds)
        failure: OSError = ConnectError(f"{self.origin.host} has no address")
        try:
            for family, kind, protocol, _, address in socket.getaddrinfo(
                self.origin.host, self.origin.port, type=socket.SOCK_STREAM
            ):
                sock = socket.socket(family, kind, protocol)
                try:
                    return self._open(sock, address, switch, limit)
                except OSError as error:
                    failure = error
                    switch.check()
        except socket.gaierror as error:
            failure = error
        raise ConnectError(f"{self.origin.authority}: {failure}") from failure

    def _open(
        self,
        sock: socket.socket,
        address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
        switch: AbortSwitch,
        timeout_seconds: float,
    ) -> Connection:
        with _dropped_on_failure(sock, switch) as dropping:
            switch.watch(sock)
            sock.settimeout(timeout_seconds)
            sock.connect(address)
            # A socket that was shut before it began to connect may still connect.
            switch.check()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._secure(self._tls, sock, switch)
            dropping.pop_all()
        return Connection(sock)

    def _secure(
        self, tls: ssl.SSLContext, sock: socket.socket, switch: AbortSwitch
    ) -> ssl.SSLSocket:
        # The wrapped socket takes the descriptor over, so the switch must hold it
        # before the handshake, which can take as long as it likes.
        secure = tls.wrap_socket(
            sock, server_hostname=self.origin.host, do_handshake_on_connect=False
        )
        with _dropped_on_failure(secure, switch) as dropping:
            switch.watch(secure)
            secure.do_handshake()
            dropping.pop_all()
        return secure


def _dropped_on_failure(sock: socket.socket, switch: AbortSwitch) -> ExitStack:
    """Undo the opening of a socket: first nobody may shut it, then it is closed."""
    dropping = ExitStack()
    dropping.callback(sock.close)
    dropping.callback(switch.release)
    return dropping
