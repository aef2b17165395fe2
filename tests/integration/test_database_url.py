"""The databases that the fixtures give are what their names say."""

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

from backend.core.models import Base


def tables(url: str) -> set[str]:
    engine = create_engine(url, poolclass=NullPool)
    return set(inspect(engine).get_table_names())


@pytest.mark.parametrize("fixture", ["database_url", "empty_database_url"])
def test_only_a_migrated_database_has_the_tables_of_the_models(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    there = tables(request.getfixturevalue(fixture))

    expected = set(Base.metadata.tables) if fixture == "database_url" else set()
    assert there - {"alembic_version"} == expected
