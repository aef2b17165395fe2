"""A connection that hears channels of Redis, which may be added while it is read.

redis-py's own way polls the socket twice before each read.
"""

import threading
from collections.abc import Collection
from typing import Any

import redis


class Subscription:
    """Hears channels: one thread reads, any may say which."""

    def __init__(self, client: redis.Redis) -> None:
        """Keep the pool whose connections are like this one's."""
        self._pool = client.connection_pool
        self._connection: Any = None  # redis-py's are untyped
        self._writing = threading.Lock()

    def open(self) -> None:
        """Connect, to hear nothing yet.

        Raises:
            redis.RedisError: If that cannot be.
        """
        connection: Any = self._pool.connection_class(**self._pool.connection_kwargs)
        connection.connect()
        self._connection = connection

    def hear(self, channels: Collection[str]) -> bool:
        """Ask for channels, whose confirmation is read; tells whether that was sent."""
        return self._send("SUBSCRIBE", channels)

    def forget(self, channel: str) -> None:
        """Ask for no more of a channel."""
        self._send("UNSUBSCRIBE", [channel])

    def _send(self, command: str, channels: Collection[str]) -> bool:
        with self._writing:
            connection = self._connection
            if connection is None:
                return False
            try:
                connection.send_command(command, *channels)
            except redis.RedisError:
                # redis-py would connect again by itself, and hear nothing of before.
                self._connection = None
                connection.disconnect()
                return False
            return True

    def read(self, seconds: float) -> list[Any] | None:
        """Read the next message, or None when the time is over.

        Raises:
            redis.RedisError: If the connection broke.
        """
        connection = self._connection
        if connection is None:
            raise redis.ConnectionError
        try:
            message: list[Any] = connection.read_response(
                timeout=seconds, disconnect_on_error=False
            )
        except redis.TimeoutError:
            return None
        return message

    def close(self) -> None:
        """Disconnect."""
        with self._writing:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()
