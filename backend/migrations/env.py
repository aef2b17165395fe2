"""Alembic's entry: migrates the database that the settings name."""

from alembic import context

from backend.core.db import open_database
from backend.core.models import Base
from backend.core.settings import load_settings


def _migrate(connection: object) -> None:
    context.configure(
        connection=connection,  # type: ignore[arg-type]  # Alembic's own annotation is wider
        target_metadata=Base.metadata,
        # SQLite cannot alter a column; Alembic then copies the table.
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    database = open_database(load_settings(), connections=1)
    with database.engine.begin() as connection:
        _migrate(connection)
    database.dispose()


run()
