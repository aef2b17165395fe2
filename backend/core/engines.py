"""Engines: how this platform connects to MySQL, MariaDB and SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from pymysql.constants import CLIENT
from sqlalchemy import Engine, NullPool, create_engine, event, make_url

from backend.core.hot_connections import HotConnections
from backend.core.quick_escapes import QuickConnection
from backend.core.settings import Settings

# How long a thread waits for a connection when all are lent.
_WAIT_SECONDS = 10
# How old one becomes: below MySQL's wait_timeout of 8 h and any firewall's idle limit.
_LIFETIME_SECONDS = 1_800
_SQLITE_ARGUMENTS: dict[str, Any] = {"timeout": 30, "check_same_thread": False}

# Errors are logged; what they were about (hashes, prompts) is not.
_SILENT = {"hide_parameters": True}


def engine_options(settings: Settings, *, connections: int) -> dict[str, Any]:
    """Give `create_engine` options that suit the database.

    Args:
        settings: Tells which database.
        connections: How many threads of this process may hold one at a time.
    """
    if settings.on_sqlite:
        return {"connect_args": _SQLITE_ARGUMENTS, **_SILENT}
    return {
        **_SILENT,
        "isolation_level": "READ COMMITTED",
        "pool_size": connections,
        # Bursts may open more for a while; they are closed when given back.
        "max_overflow": connections,
        "pool_timeout": _WAIT_SECONDS,
        "pool_recycle": _LIFETIME_SECONDS,
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


def prepare_engine(engine: Engine) -> None:
    """Give an engine SQLite's ways of ours, if it is one's, before it connects."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)


def open_hot_connections(settings: Settings, *, connections: int) -> HotConnections:
    """Make the autocommit connections behind `HotCursor`."""
    url = settings.database_url.get_secret_value()
    engine = create_engine(url, poolclass=NullPool, connect_args=_hot_arguments(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        event.listen(engine, "do_connect", _connect_quickly)
    # As many as the pool of ordinary ones has at most.
    return HotConnections(
        engine,
        connections=2 * connections,
        wait_seconds=_WAIT_SECONDS,
        lifetime_seconds=_LIFETIME_SECONDS,
    )


def _hot_arguments(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return _SQLITE_ARGUMENTS
    return _mysql_arguments(url) | {
        "autocommit": True,
        # Several statements travel together; rows count as found, as elsewhere.
        "client_flag": CLIENT.MULTI_STATEMENTS | CLIENT.FOUND_ROWS,
        # Whoever waits for a row waits for a holder that vanished: others go on.
        "init_command": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;"
        "SET SESSION innodb_lock_wait_timeout=5;"
        # Without it a NULL that the table refuses becomes 0 (`JobInsert` counts on it).
        "SET SESSION sql_mode=CONCAT(@@sql_mode,',STRICT_ALL_TABLES')",
    }


def _connect_quickly(
    _dialect: object, _record: object, args: Sequence[Any], named: dict[str, Any]
) -> QuickConnection:
    return QuickConnection(*args, **named)


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
