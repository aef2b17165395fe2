"""Bringing a database to the present schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from backend.core.db import Database
from backend.core.errors import DatabaseUnavailableError

_INI = Path(__file__).parents[1] / "alembic.ini"


def upgrade(database: Database) -> None:
    """Run the migrations that are missing; harmless when there are none."""
    config = Config(_INI)
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def missing_revisions(database: Database) -> list[str]:
    """Name the migrations that a database lacks, oldest first.

    Raises:
        DatabaseUnavailableError: If it cannot be asked.
    """
    try:
        with database.engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise DatabaseUnavailableError(str(error.orig)) from error
    script = ScriptDirectory.from_config(Config(_INI))
    newer = script.iterate_revisions("head", present or "base")
    return [revision.revision for revision in newer][::-1]
