"""What an upgrade makes of the data that it finds."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from backend.core import schema
from backend.core.db import Database
from backend.core.keys import Keys, Scope, hashed
from backend.core.models import Base
from tests.factories import open_test_database
from tests.servers import MariaDbServer

KEY = (
    "INSERT INTO api_keys (user_id,name,prefix,hash,scopes,highest_priority,weight,"
    "created_at,disabled_at) VALUES ((SELECT id FROM users WHERE name=:user),'x','x',"
    ":hash,:scopes,'high',1,'2026-01-01',:disabled_at)"
)


def move(database: Database, revision: str) -> None:
    config = Config(schema._INI)
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        here = MigrationContext.configure(connection).get_current_revision() or ""
        (command.upgrade if here < revision else command.downgrade)(config, revision)


@pytest.fixture(params=["maria", "sqlite"])
def url(request: pytest.FixtureRequest, mariadb: MariaDbServer, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'corral.db'}"
    return mariadb.create_database("corral_migrations")


def test_who_has_an_administrators_key_is_one_after_the_upgrade(url: str) -> None:
    database = open_test_database(url)
    move(database, "0002")
    with database.engine.begin() as connection:
        for user, scopes, disabled_at in (
            ("chief", '["inference", "read", "admin"]', None),
            ("ada", '["inference"]', None),
            ("gone", '["admin"]', "2026-01-02"),
        ):
            made = "INSERT INTO users (name,created_at) VALUES (:user,'2026-01-01')"
            connection.execute(text(made), {"user": user})
            values = {"hash": hashed(user), "scopes": scopes, "user": user}
            connection.execute(text(KEY), values | {"disabled_at": disabled_at})
    move(database, "0003")
    with database.engine.begin() as connection:
        rows = connection.execute(text("SELECT name,role FROM users ORDER BY id"))
        roles = {row.name: row.role for row in rows}
    caller = Keys(database).recognise("chief")

    assert roles == {"chief": "admin", "ada": "user", "gone": "user"}
    assert caller.scopes == frozenset(Scope)
    move(database, "0002")
    move(database, "0003")
    columns = {one["name"] for one in inspect(database.engine).get_columns("users")}
    database.dispose()
    assert columns == {*Base.metadata.tables["users"].columns.keys()}
