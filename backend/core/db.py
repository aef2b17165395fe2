"""The database: engines, and short transactions.

The database's clock writes and compares all times (JOBS.md 4).
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pymysql
from pymysql.constants import CLIENT, CR, ER
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from backend.core.dialect import Dialect
from backend.core.errors import DatabaseUnavailableError
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

    def __init__(self, engine: Engine, hot: Engine) -> None:
        """Keep the engine of ordinary transactions and the one of hot cursors."""
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
        connection = self._connect()
        try:
            return work(HotCursor(connection.cursor(), sqlite=self.dialect.sqlite))
        except BaseException as error:
            if _connection_gone(error):
                connection.invalidate()
                # Whatever else waits in the pool is as dead as this one.
                self.hot.dispose()
                raise ConnectionLostError from error
            if not isinstance(error, (pymysql.Error, sqlite3.Error)):
                # Torn out of a statement (a killed greenlet): its reply may still come.
                connection.invalidate()
            raise
        finally:
            connection.close()

    def _connect(self) -> Any:
        try:
            return self.hot.raw_connection()
        except (DBAPIError, PoolTimeoutError, pymysql.Error, OSError) as error:
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


def _connection_gone(error: BaseException) -> bool:
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


def engine_options(settings: Settings, *, connections: int) -> dict[str, Any]:
    """Give `create_engine` options that suit the database.

    Args:
        settings: Tells which database.
        connections: How many threads of this process may hold one at a time.
    """
    if settings.on_sqlite:
        return {"connect_args": {"timeout": 30, "check_same_thread": False}}
    return {
        "isolation_level": "READ COMMITTED",
        "pool_size": connections,
        # Bursts may open more for a while; they are closed when given back.
        "max_overflow": connections,
        "pool_timeout": 10,
        # Below MySQL's wait_timeout of 8 h and any firewall's idle limit.
        "pool_recycle": 1_800,
        "pool_use_lifo": True,
        # A tenth of a millisecond a transaction, and none fails because the server was
        # restarted since the last one.
        "pool_pre_ping": True,
        "connect_args": _mysql_arguments(settings.database_url.get_secret_value()),
    }


def _mysql_arguments(url: str) -> dict[str, Any]:
    asks_for_tls = any(name.startswith("ssl") for name in make_url(url).query)
    return {
        # PyMySQL would try TLS by itself, without checking whom it talks to: that costs
        # 4 ms of CPU per connection and guards nothing. `?ssl_ca=…` in the URL turns
        # on TLS that does.
        "ssl_disabled": not asks_for_tls,
        "charset": "utf8mb4",
        # Literals compare as the columns do, byte by byte.
        "collation": "utf8mb4_bin",
        "connect_timeout": 5,
        # A statement that hangs longer than this hangs for ever.
        "read_timeout": 60,
        "write_timeout": 60,
    }


def open_database(settings: Settings, *, connections: int = 10) -> Database:
    """Make the engines of one process; nothing connects before the first use."""
    url = settings.database_url.get_secret_value()
    engine = create_engine(url, **engine_options(settings, connections=connections))
    prepare_engine(engine)
    return Database(engine, open_hot_engine(settings, connections=connections))


def prepare_engine(engine: Engine) -> None:
    """Give an engine SQLite's ways of ours, if it is one's, before it connects."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)


def open_hot_engine(settings: Settings, *, connections: int) -> Engine:
    """Make the autocommit pool behind `HotCursor`."""
    options = engine_options(settings, connections=connections)
    if settings.on_sqlite:
        hot = create_engine(settings.database_url.get_secret_value(), **options)
        event.listen(hot, "connect", _prepare_sqlite)
        return hot
    options.pop("isolation_level")
    # Its statements are repeated instead where that is harmless.
    options.pop("pool_pre_ping")
    options["pool_reset_on_return"] = None
    options["connect_args"] |= {
        "autocommit": True,
        # Several statements travel together; rows count as found, as elsewhere.
        "client_flag": CLIENT.MULTI_STATEMENTS | CLIENT.FOUND_ROWS,
        # Whoever waits for a row waits for a holder that vanished: others go on.
        "init_command": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;"
        "SET SESSION innodb_lock_wait_timeout=5",
    }
    return create_engine(settings.database_url.get_secret_value(), **options)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN is deferred: a read that later writes fails at once with
    # "database is locked", whatever the timeout. So transactions are begun by hand.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
