import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from backend.core.db import Database
from backend.core.redis_client import KeptConnections, connect
from backend.core.schema import upgrade
from tests.factories import empty, open_test_database


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "corral.db"
    database = open_test_database(f"sqlite:///{path}")
    upgrade(database)
    database.dispose()
    return path


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    copy = tmp_path / "corral.db"
    shutil.copy(sqlite_template, copy)
    database = open_test_database(f"sqlite:///{copy}")
    yield database
    database.dispose()


@pytest.fixture
def maria(database_url: str) -> Iterator[Database]:
    database = open_test_database(database_url)
    empty(database)
    yield database
    database.dispose()


@pytest.fixture(params=["maria", "sqlite"])
def database(request: pytest.FixtureRequest) -> Database:
    """Give an empty database of each kind that is at hand."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    client = connect(redis_url, timeout_seconds=5)
    yield client
    client.close()


@pytest.fixture
def connections(client: redis.Redis) -> Iterator[KeptConnections]:
    kept = KeptConnections(client)
    yield kept
    kept.close()
