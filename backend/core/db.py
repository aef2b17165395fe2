"""The database: hot statements, and short transactions.

The database's clock writes and compares all times (JOBS.md 4).
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pymysql
from pymysql.constants import CR, ER
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from backend.core.dialect import Dialect
from backend.core.engines import (
    engine_options,
    open_hot_connections,
    prepare_engine,
)
from backend.core.errors import DatabaseUnavailableError
from backend.core.hot_connections import HotConnection, HotConnections
from backend.core.hot_cursor import HotCursor
from backend.core.settings import Settings

T = TypeVar("T")
# Three tries in all: a deadlock's victim is chosen anew each time.
_TRIES = 3
_REPEATABLE = frozenset({ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT})
# 4031 is MySQL 8's "disconnected because of inactivity"; 1053 and 1927 are a server
# that shuts down or a connection that was killed.
_GONE = frozenset(
    {
        CR.CR_SERVER_GONE_ERROR,
        CR.CR_SERVER_LOST,
        CR.CR_CONN_HOST_ERROR,
        CR.CR_CONNECTION_ERROR,
        CR.CR_SERVER_LOST_EXTENDED,
        ER.SERVER_SHUTDOWN,
        1927,
        4031,
        0,
    }
)


# It answers, but cannot work now: full, read-only (a failover), interrupted, busy.
# 1836 and 1792 are MySQL's other words for read-only, 3024 and 1969 the time limits of
# MySQL and MariaDB. What is wrong with a statement itself is a bug, and none of these.
_REFUSALS = frozenset(
    {
        ER.DISK_FULL,
        ER.RECORD_FILE_FULL,
        ER.GET_ERRNO,
        ER.ERROR_DURING_COMMIT,
        ER.OPTION_PREVENTS_STATEMENT,
        ER.QUERY_INTERRUPTED,
        ER.CON_COUNT_ERROR,
        ER.TOO_MANY_USER_CONNECTIONS,
        ER.USER_LIMIT_REACHED,
        ER.ACCESS_DENIED_ERROR,
        1792,
        1836,
        1969,
        3024,
    }
)
_REFUSED = "The database refuses to work now; try again."
_SQLITE_REFUSALS = ("full", "readonly", "disk i/o", "unable to open")


class ConnectionLostError(Exception):
    """The connection broke, so nobody knows whether the last statement counted."""


class Database:
    """One process's way to the database."""

    def __init__(self, engine: Engine, hot: HotConnections) -> None:
        """Keep the engine of ordinary transactions and what hot cursors are made of."""
        self.engine = engine
        self.hot = hot
        self.dialect = Dialect(sqlite=engine.dialect.name == "sqlite")
        self.sessions = sessionmaker(engine, expire_on_commit=False)

    def run(self, work: Callable[[HotCursor], T]) -> T:
        """Run hot statements; deadlocks repeat `work` from its start.

        Raises:
            ConnectionLostError: If the connection broke on the way.
            DatabaseUnavailableError: If there is no connection to be had, it refuses to
                work now, or each try was a deadlock's victim; nothing counted.
        """
        for _ in range(_TRIES):
            try:
                return self._once(work)
            except (pymysql.OperationalError, sqlite3.OperationalError) as error:
                if _refuses(error):
                    raise DatabaseUnavailableError(_REFUSED) from error
                if not _repeatable(error):
                    raise
                victim = error
        raise DatabaseUnavailableError("The database is overloaded.") from victim

    def read(self, work: Callable[[HotCursor], T]) -> T:
        """Run hot statements that may be repeated: once more after a lost connection.

        Raises:
            DatabaseUnavailableError: If the second try fails too.
        """
        try:
            return self.run(work)
        except ConnectionLostError:
            pass
        try:
            return self.run(work)
        except ConnectionLostError as error:
            raise DatabaseUnavailableError from error

    def _once(self, work: Callable[[HotCursor], T]) -> T:
        connection = self._borrow()
        # Torn out of a statement (a killed greenlet) its reply may still come.
        broken = True
        try:
            cursor = connection.dbapi.cursor()
            done = work(HotCursor(cursor, sqlite=self.dialect.sqlite))
            broken = False
        except (pymysql.Error, sqlite3.Error, OSError) as error:
            broken = _connection_gone(error)
            if not broken:
                raise
            # Whatever else is kept is as dead as this one.
            self.hot.dispose()
            raise ConnectionLostError from error
        finally:
            self.hot.give_back(connection, broken=broken)
        return done

    def _borrow(self) -> HotConnection:
        try:
            return self.hot.borrow()
        except (DBAPIError, TimeoutError, pymysql.Error, OSError) as error:
            raise DatabaseUnavailableError from error

    def transact(self, work: Callable[[Session], T]) -> T:
        """Do ordinary work in a short transaction; deadlocks repeat it from its start.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached, or each try was
                a deadlock's victim; nothing counted.
        """
        for _ in range(_TRIES):
            try:
                with transaction(self.sessions) as session:
                    return work(session)
            except OperationalError as error:
                if not isinstance(error.orig, Exception) or not _repeatable(error.orig):
                    raise
                victim = error
        raise DatabaseUnavailableError("The database is overloaded.") from victim

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Give a session for a few reads that all see the same moment.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached.
        """
        with transaction(self.sessions) as session:
            if not self.dialect.sqlite:  # whose transactions all are like that
                level = {"isolation_level": "REPEATABLE READ"}
                session.connection(execution_options=level)
            yield session

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()
        self.hot.dispose()


def _repeatable(error: Exception) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return "locked" in str(error) or "busy" in str(error)
    return bool(error.args) and error.args[0] in _REPEATABLE


def _refuses(error: Exception) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return any(word in str(error).lower() for word in _SQLITE_REFUSALS)
    return bool(error.args) and error.args[0] in _REFUSALS


def _connection_gone(error: Exception) -> bool:
    if isinstance(error, (pymysql.OperationalError, pymysql.InterfaceError)):
        return not error.args or error.args[0] in _GONE
    return isinstance(error, OSError)


@contextmanager
def transaction(sessions: Callable[[], Session]) -> Iterator[Session]:
    """Give a session for one short transaction; never span a wait with it.

    Raises:
        DatabaseUnavailableError: If the database cannot be reached.
    """
    try:
        with sessions() as session, session.begin():
            yield session
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        if isinstance(error, DBAPIError) and not _is_outage(error):
            raise
        raise DatabaseUnavailableError from error


def _is_outage(error: DBAPIError) -> bool:
    original = error.orig
    return error.connection_invalidated or (
        isinstance(original, Exception)
        and (_connection_gone(original) or _refuses(original))
    )


def open_database(settings: Settings, *, connections: int = 10) -> Database:
    """Make the engines of one process; nothing connects before the first use."""
    url = settings.database_url.get_secret_value()
    engine = create_engine(url, **engine_options(settings, connections=connections))
    prepare_engine(engine)
    return Database(engine, open_hot_connections(settings, connections=connections))
