"""Bringing a database to the present schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from backend.core.db import Database

_INI = Path(__file__).parents[1] / "alembic.ini"


def upgrade(database: Database) -> None:
    """Run the migrations that are missing; harmless when there are none."""
    config = Config(_INI)
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
