"""One request to Ollama and its answer, which another thread may cut off."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from types import TracebackType
from typing import Self

import httptools

from worker.ollama.abort import AbortSwitch
from worker.ollama.classify import classify
from worker.ollama.connection import Connection, PeerClosedError
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import (
    MalformedAnswerError,
    OllamaError,
    StreamCutError,
    UpstreamUnavailableError,
)
from worker.ollama.pool import ConnectError, ConnectionPool
from worker.ollama.request import build_request
from worker.ollama.wire import Line, LineReader

# After the last line only the end of the HTTP body is missing. A server that does not
# send it costs us the connection, not the answer.
TAIL_SECONDS = 0.5
ERROR_BODY_BYTES = 65536


class Exchange:
    """Sends its request when it is iterated, and yields a list of objects per read.

    Use it as a context manager: leaving it early closes the connection, and that is
    what stops the GPU. It can be iterated once.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        path: str,
        body: bytes,
        deadlines: Deadlines,
        headers: Mapping[str, str],
        is_last: Callable[[Line], bool],
        switch: AbortSwitch,
    ) -> None:
        self._pool = pool
        self._request = build_request(pool.origin, path, body, headers)
        self._deadlines = deadlines
        self._is_last = is_last
        self._switch = switch
        self._connection: Connection | None = None
        self._started_at = 0.0
        self._object_at: float | None = None
        self._objects = self._run()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._objects.close()
        self._give_back()

    def __iter__(self) -> Iterator[list[Line]]:
        """Yield the objects of the answer, those of one socket read at a time.

        Raises:
            OllamaError: What went wrong, by its own class.
            ExchangeAbortedError: Its switch was used before the answer was complete.
        """
        return self._objects

    def _run(self) -> Generator[list[Line], None, None]:
        self._started_at = time.monotonic()
        try:
            connection = self._send()
            data = self._receive_head(connection)
            if connection.status != 200:
                raise classify(connection.status, self._error_body(connection, data))
            yield from self._read_objects(connection, data)
        finally:
            self._give_back()

    def _send(self) -> Connection:
        seconds, late = self._next_wait()
        try:
            connection = self._pool.send(
                self._request, self._switch, timeout_seconds=seconds
            )
        except ConnectError as error:
            raise UpstreamUnavailableError(str(error)) from error
        except TimeoutError as error:
            self._switch.check()
            raise late from error
        except OSError as error:
            raise UpstreamUnavailableError(f"sending failed: {error}") from error
        self._connection = connection
        return connection

    def _receive_head(self, connection: Connection) -> bytes:
        data = b""
        while not connection.status:
            data += self._receive(connection)
        return data

    def _error_body(self, connection: Connection, data: bytes) -> str:
        while not connection.is_complete and len(data) < ERROR_BODY_BYTES:
            data += self._receive(connection)
        return data.decode("utf-8", "replace")

    def _read_objects(
        self, connection: Connection, data: bytes
    ) -> Iterator[list[Line]]:
        reader = LineReader()
        is_over = False
        while True:
            lines = reader.feed(data) if data else []
            if connection.is_complete:
                lines += reader.finish()
            if lines:
                self._object_at = time.monotonic()
                yield from _until_error(lines)
                is_over = self._is_last(lines[-1])
            if is_over or connection.is_complete:
                break
            data = self._receive(connection)
        if not is_over:
            raise StreamCutError
        self._read_tail(connection)

    def _receive(self, connection: Connection) -> bytes:
        # What came before the socket was shut can still be read from it.
        self._switch.check()
        seconds, late = self._next_wait()
        try:
            return connection.receive(seconds)
        except TimeoutError as error:
            self._switch.check()
            raise late from error
        except OSError as error:
            self._switch.check()
            raise _lost(connection, error) from error
        except httptools.HttpParserError as error:
            raise MalformedAnswerError(f"not an HTTP answer: {error}") from error

    def _next_wait(self) -> tuple[float, type[OllamaError]]:
        now = time.monotonic()
        seconds, late = self._deadlines.next_wait(
            since_start=now - self._started_at,
            since_object=None if self._object_at is None else now - self._object_at,
        )
        if seconds <= 0:
            raise late
        return seconds, late

    def _read_tail(self, connection: Connection) -> None:
        try:
            while not connection.is_complete:
                connection.receive(TAIL_SECONDS)
        except (OSError, httptools.HttpParserError):
            return  # `_give_back` closes what is not complete

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give(connection, self._switch)


def _until_error(lines: list[Line]) -> Iterator[list[Line]]:
    for index, line in enumerate(lines):
        if "error" in line:
            if index:
                yield lines[:index]
            raise classify(None, str(line["error"]))
    yield lines


def _lost(connection: Connection, error: OSError) -> OllamaError:
    if connection.status:
        return StreamCutError()
    if isinstance(error, PeerClosedError):
        return UpstreamUnavailableError(
            "Ollama closed the connection without an answer"
        )
    return UpstreamUnavailableError(f"the connection was lost: {error}")
