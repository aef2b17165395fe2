"""Connections to Redis that fail fast and are never deaf."""

import hashlib
from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# A dead peer is noticed by the kernel within half a minute (idle, interval, count).
_KEEPALIVE = {4: 10, 5: 5, 6: 3}


def connect(url: str, *, timeout_seconds: float, connections: int = 64) -> redis.Redis:
    """Make a client with one attempt per call; nothing connects before the first.

    redis-py's own default repeats with back-off: a refused connection then takes
    seconds to report, and a repeated XADD stands in the stream twice.

    Args:
        url: `redis://:password@host:port/0`.
        timeout_seconds: For connecting and for each reply; longer than any BLOCK.
        connections: At most so many at a time.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=min(timeout_seconds, 5.0),
        socket_keepalive=True,
        socket_keepalive_options=_KEEPALIVE,
        retry=Retry(NoBackoff(), 0),
        max_connections=connections,
        protocol=2,
    )


class KeptConnection:
    """One connection that stays open, for threads that talk to Redis all the time.

    redis-py's pipeline objects were half of the worker's CPU under load; this
    writes the commands at once and reads as many replies.
    """

    def __init__(self, client: redis.Redis) -> None:
        """Keep the pool; connect at the first use."""
        self._pool = client.connection_pool
        self._connection: Any = None

    def execute(self, *commands: Sequence[Any]) -> list[Any]:
        """Send the commands in one write, give their replies in order.

        A command's own error (NOSCRIPT) stands in its place; the others still count.

        Raises:
            redis.ConnectionError: If the connection breaks; what counted is unknown.
        """
        connection = self._connection or self._open()
        replies = None
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            replies = [self._reply(connection) for _ in commands]
        finally:
            if replies is None:
                self.close()
        return replies

    def _open(self) -> Any:  # redis-py's connections are untyped
        # The pool's own way counts connections for ever: it refuses after as many
        # reconnects as it may have connections.
        connection: Any = self._pool.connection_class(**self._pool.connection_kwargs)
        connection.connect()
        self._connection = connection
        return connection

    @staticmethod
    def _reply(connection: Any) -> Any:  # a reply is anything
        try:
            return connection.read_response()
        except redis.ResponseError as error:
            return error

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()


class KeptConnections:
    """Kept connections for many callers: each borrows one for the time of a call.

    One per thread would be one per open response under gevent, whose greenlets come
    and go with their callers.
    """

    def __init__(self, client: redis.Redis) -> None:
        """Keep the client whose pool makes them."""
        self._client = client
        self._idle: deque[KeptConnection] = deque()

    def execute(self, *commands: Sequence[Any]) -> list[Any]:
        """Send the commands in one write, give their replies in order.

        Raises:
            redis.ConnectionError: If the connection breaks; what counted is unknown.
        """
        connection, replies = self._borrow(), None
        try:
            replies = connection.execute(*commands)
        finally:
            if replies is None:
                # Whatever else is idle is as dead as this one.
                self.close()
        self._idle.append(connection)
        return replies

    def run(self, command: Sequence[Any]) -> Any:  # a reply is anything
        """Send one command, give its reply.

        Raises:
            redis.ResponseError: If Redis refuses it.
            redis.ConnectionError: If the connection breaks; what counted is unknown.
        """
        (reply,) = self.execute(command)
        if isinstance(reply, redis.ResponseError):
            raise reply
        return reply

    def evaluate(
        self, script: str, keys: Sequence[str], values: Sequence[Any]
    ) -> Any:  # a reply is anything
        """Run a script, by its hash where Redis has it; raises as `run` does."""
        return self.evaluate_all(script, [(len(keys), *keys, *values)])[0]

    def evaluate_all(self, script: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """Run a script several times in one write; raises as `run` does.

        Args:
            script: Its text.
            calls: Of each the number of its keys, the keys, then the values.
        """
        commands = [("EVALSHA", _sha(script), *call) for call in calls]
        replies = self.execute(*commands)
        if any(isinstance(r, redis.exceptions.NoScriptError) for r in replies):
            replies = self.execute(("SCRIPT", "LOAD", script), *commands)[1:]
        for reply in replies:
            if isinstance(reply, redis.ResponseError):
                raise reply
        return replies

    def _borrow(self) -> KeptConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return KeptConnection(self._client)

    def close(self) -> None:
        """Close the idle connections; the next calls open others."""
        while self._idle:
            self._borrow().close()


@cache
def _sha(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
