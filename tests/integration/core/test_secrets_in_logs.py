"""What is logged of a failure says nothing of what it was about."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.core.db import Database

_CRASH = """
import structlog
from pydantic import SecretStr
from backend.core.logging import configure_logging
from backend.core.settings import Settings
url = SecretStr("redis://nobody.invalid")
configure_logging(Settings(database_url=url, redis_url=url, environment={!r}))
try:
    secret = "corral-" + "x" * 3
    raise KeyError
except KeyError:
    structlog.get_logger().exception("crashed")
"""


def test_a_statement_that_fails_shows_no_values(database: Database) -> None:
    values = {"secret": "corral-secret"}

    with pytest.raises(DBAPIError) as caught:
        database.transact(lambda s: s.execute(text("SELECT :secret FROM x"), values))
    assert "corral-secret" not in str(caught.value)


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_crash_shows_no_local_variables(environment: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _CRASH.format(environment)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "KeyError" in run.stderr
    assert "corral-xxx" not in run.stderr
