"""Calls that have ended, at whatever time, as tests of usage need them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from backend.core.db import Database, transaction
from backend.core.identifiers import uuid7
from backend.core.models import Job
from backend.core.usage.grouping import Dimension, Only
from backend.core.usage.hours import Period
from backend.core.usage.sums import Counts, Line, UsageSums

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVER = Period(datetime(2000, 1, 1, tzinfo=UTC), None)
EVERYTHING = Only()


def at(hours: float) -> datetime:
    """Give a moment so many hours from noon."""
    return NOON + timedelta(hours=hours)


def call(finished_at: datetime | None, **over: Any) -> dict[str, Any]:
    """Make the row of a call that ended then."""
    begun = finished_at or NOON
    values: dict[str, Any] = {
        "id": uuid7(),
        "owner_id": 1,
        "key_id": None,
        "kind": "chat",
        "protocol": "native",
        "model": "asked:latest",
        "requested_model": "Asked",
        "served_model": None,
        "node": None,
        "lane": "gen:asked:latest",
        "priority": 1,
        "queue_rank": 0,
        "fair_start": 0,
        "fair_finish": 0,
        "state": "succeeded",
        "attempt": 1,
        "failures": 0,
        "on_disconnect": "continue",
        "created_at": begun - timedelta(seconds=2),
        "started_at": None,
        "first_token_at": None,
        "finished_at": finished_at,
        "queue_expires_at": begun,
        "deadline_at": begun,
        "prompt_tokens": None,
        "completion_tokens": None,
        "error_code": None,
    }
    return values | over


def ended(database: Database, *rows: dict[str, Any]) -> list[str]:
    """Commit such rows and give their ids."""
    with transaction(database.sessions) as session:
        session.execute(insert(Job), list(rows))
    return [row["id"] for row in rows]


def lines(
    database: Database,
    *by: Dimension,
    period: Period = EVER,
    only: Only = EVERYTHING,
) -> list[Line]:
    return UsageSums(database).lines(period, only, by=by)


def total(
    database: Database, *, period: Period = EVER, only: Only = EVERYTHING
) -> Counts:
    (line,) = lines(database, period=period, only=only)
    return line.counts
