"""Waiting for what the process needs, and saying what it waits for."""

import time
from collections.abc import Callable

import redis
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from backend.core.db import Database, transaction
from backend.core.errors import DatabaseUnavailableError

log = structlog.get_logger()

_FIRST_SECONDS = 0.2
_LONGEST_SECONDS = 5.0


def wait_for(
    name: str, works: Callable[[], str | None], *, sleep: Callable[[float], None]
) -> None:
    """Try until it works; each failure is logged, and the pauses grow."""
    pause = _FIRST_SECONDS
    while (problem := works()) is not None:
        log.info("waiting", for_=name, problem=problem)
        sleep(pause)
        pause = min(_LONGEST_SECONDS, pause * 2)


def database_problem(database: Database) -> str | None:
    """Tell what keeps the database from being used; None when nothing does."""
    try:
        with transaction(database.sessions) as session:
            session.execute(text("SELECT 1 FROM jobs LIMIT 1"))
    except DatabaseUnavailableError as error:
        return error.detail
    except SQLAlchemyError:
        return "the tables are missing: run `corral migrate`"
    return None


def redis_problem(client: redis.Redis) -> str | None:
    """Tell what keeps Redis from being used; None when nothing does."""
    try:
        client.ping()
    except redis.RedisError as error:
        return str(error)
    return None


def wait_for_stores(database: Database, client: redis.Redis) -> None:
    """Wait for the database with its tables, and for Redis."""
    wait_for("database", lambda: database_problem(database), sleep=time.sleep)
    wait_for("redis", lambda: redis_problem(client), sleep=time.sleep)
