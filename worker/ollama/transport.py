"""Give httpx our connections: one pool, and a socket that can be shut, for every call.

httpx's own transport parses in Python and keeps its sockets to itself, so nobody could
shut one that is being read.
"""

from collections.abc import Iterator
from typing import Any

import httptools
import httpx

from worker.ollama.abort import AbortSwitch
from worker.ollama.connection import Connection
from worker.ollama.pool import ConnectError, ConnectionPool


class PooledTransport(httpx.BaseTransport):
    """Sends httpx requests over a connection pool.

    The request's extension `abort` may hold an AbortSwitch. `timeout` is httpx's own;
    its `read` is looked up before each read, so it may be changed in between.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and give its answer as soon as the head is there."""
        timeouts = request.extensions.get("timeout", {})
        switch = request.extensions.get("abort") or AbortSwitch()
        try:
            connection = self._pool.send(
                _bytes_of(request), switch, timeout_seconds=timeouts.get("write")
            )
        except ConnectError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        except TimeoutError as error:
            raise httpx.WriteTimeout(str(error), request=request) from error
        except OSError as error:
            raise httpx.WriteError(str(error), request=request) from error
        body = _Body(self._pool, connection, switch, timeouts, request)
        body.read_head()
        return httpx.Response(
            connection.status, headers=connection.headers, stream=body
        )

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(
        self,
        pool: ConnectionPool,
        connection: Connection,
        switch: AbortSwitch,
        timeouts: dict[str, Any],  # httpx's: seconds or None by name
        request: httpx.Request,
    ) -> None:
        self._pool = pool
        self._connection = connection
        self._switch = switch
        self._timeouts = timeouts
        self._request = request
        self._first = b""

    def read_head(self) -> None:
        has_head = False
        try:
            while not self._connection.status:
                self._first += self._receive()
            has_head = True
        finally:
            if not has_head:
                self.close()

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        while not self._connection.is_complete:
            yield self._receive()

    def close(self) -> None:
        self._pool.give(self._connection, self._switch)

    def _receive(self) -> bytes:
        try:
            return self._connection.receive(self._timeouts.get("read"))
        except TimeoutError as error:
            self._switch.check()
            raise httpx.ReadTimeout(str(error), request=self._request) from error
        except OSError as error:
            self._switch.check()
            raise httpx.ReadError(str(error), request=self._request) from error
        except httptools.HttpParserError as error:
            raise httpx.RemoteProtocolError(
                str(error), request=self._request
            ) from error


def _bytes_of(request: httpx.Request) -> bytes:
    method = request.method.encode("ascii")
    lines = [b"%s %s HTTP/1.1" % (method, request.url.raw_path)]
    lines += [b"%s: %s" % (name, value) for name, value in request.headers.raw]
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.read()
