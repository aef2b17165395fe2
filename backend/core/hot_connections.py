"""Connections of the hot statements: kept open and lent, without a pool's bookkeeping.

SQLAlchemy's pool costs a tenth of a hot statement; its engine still connects.
"""

import queue
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine


@dataclass(frozen=True, slots=True, eq=False)
class HotConnection:
    """A DBAPI connection that is lent to one thread at a time."""

    dbapi: Any  # PyMySQL's or sqlite3's
    opened_at: float

    def close(self) -> None:
        """Close it, whether its server is still there or not."""
        with suppress(Exception):
            self.dbapi.close()


class HotConnections:
    """Lends connections to hot statements; the one used last goes first."""

    def __init__(
        self,
        engine: Engine,
        *,
        connections: int,
        wait_seconds: float,
        lifetime_seconds: float,
    ) -> None:
        """Keep what connects, and how many at most.

        Args:
            engine: What connects.
            connections: How many may be lent at a time.
            wait_seconds: How long to wait for one when all are lent.
            lifetime_seconds: How old one becomes before it is replaced.
        """
        self._engine = engine
        self._lifetime_seconds = lifetime_seconds
        self._wait_seconds = wait_seconds
        # One entry for each that may still be lent: a semaphore in C.
        self._room: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(connections):
            self._room.put(None)
        self._idle: deque[HotConnection] = deque()
        self._lent: set[HotConnection] = set()

    @property
    def lent(self) -> int:
        """Tell how many are lent at this moment."""
        return len(self._lent)

    def borrow(self) -> HotConnection:
        """Lend an open connection, the caller's until it is given back.

        Raises:
            TimeoutError: If all are lent for too long.
            sqlalchemy.exc.DBAPIError: If the database cannot be reached.
        """
        try:
            self._room.get(timeout=self._wait_seconds)
        except queue.Empty:
            raise TimeoutError from None
        connection = None
        try:
            connection = self._kept() or self._open()
        finally:
            if connection is None:
                self._room.put(None)
        self._lent.add(connection)
        return connection

    def _kept(self) -> HotConnection | None:
        oldest = time.monotonic() - self._lifetime_seconds
        try:
            while (connection := self._idle.pop()).opened_at <= oldest:
                connection.close()
        except IndexError:
            return None
        return connection

    def _open(self) -> HotConnection:
        lent = self._engine.raw_connection()
        # From here on it is ours alone.
        lent.detach()
        return HotConnection(lent.dbapi_connection, time.monotonic())

    def give_back(self, connection: HotConnection, *, broken: bool = False) -> None:
        """Take a connection back; a broken one is closed."""
        self._lent.discard(connection)
        if broken:
            connection.close()
        else:
            self._idle.append(connection)
        self._room.put(None)

    def dispose(self) -> None:
        """Close all that nobody uses."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()
