"""Give every test process a real MariaDB and a real Redis of its own.

Under xdist each worker process has its own servers, so a test may kill or flush them
without disturbing its neighbours. What a test leaves in them it cleans itself.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.contextvars import clear_contextvars

from backend.core.db import open_database
from backend.core.schema import upgrade
from backend.core.settings import Settings
from tests.servers import MariaDbServer, RedisServer


@pytest.fixture(autouse=True)
def no_bound_ids() -> None:
    """Take off the log what a request served in this process has bound to it."""
    clear_contextvars()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDbServer]:
    """Give the MariaDB of this test process."""
    with (
        tempfile.TemporaryDirectory(prefix="corral-db-") as folder,
        MariaDbServer(Path(folder)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Give the Redis of this test process."""
    with (
        tempfile.TemporaryDirectory(prefix="corral-redis-") as folder,
        RedisServer(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Give the URL of an empty Redis."""
    redis_server.flushall()
    return redis_server.url()


@pytest.fixture(scope="session")
def empty_database_url(mariadb: MariaDbServer) -> str:
    """Give the URL of an empty database, for tests of the migrations."""
    return mariadb.create_database("corral_empty")


@pytest.fixture(scope="session")
def database_url(mariadb: MariaDbServer) -> str:
    """Give the URL of this test process's database, with all tables, no rows."""
    return migrated(mariadb.create_database("corral"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of a SQLite file that this test has to itself, without tables."""
    return f"sqlite:///{tmp_path / 'corral.db'}"


def migrated(url: str) -> str:
    settings = Settings(
        database_url=SecretStr(url), redis_url=SecretStr("redis://nobody.invalid")
    )
    database = open_database(settings, connections=1)
    try:
        upgrade(database)
    finally:
        database.dispose()
    return url
