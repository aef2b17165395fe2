"""What was used: rolled-up hours and what ended since, exact at every moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import ColumnElement, Select, func, select, union_all
from sqlalchemy.orm import Session

from backend.core.db import Database
from backend.core.errors import InvalidRequestError
from backend.core.models import ApiKey, Job, UsageHour, User
from backend.core.usage.grouping import (
    CALLS,
    COUNTS,
    LIVE,
    ROLLED,
    Columns,
    Dimension,
    Only,
    conditions,
)
from backend.core.usage.hours import Period
from backend.core.usage.rollup import rolled_until

# An answer in one piece; a month by hour and ten keys is 7,200.
MOST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Counts:
    """Calls by how they ended, and their tokens."""

    requests: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @classmethod
    def of(cls, values: Iterable[Any]) -> Self:
        """Read sums, of which a database makes decimals and, of nothing, NULL."""
        return cls(*(int(value or 0) for value in values))

    @classmethod
    def total(cls, parts: Iterable["Counts"]) -> Self:
        """Add up."""
        rows = [[getattr(part, f.name) for f in fields(cls)] for part in parts]
        return cls(*map(sum, zip(*rows, strict=True)))


@dataclass(frozen=True, slots=True)
class Line:
    """One group by its names, and what was used."""

    group: dict[str, Any]
    counts: Counts


class UsageSums:
    """Reads what was used."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def lines(
        self, period: Period, only: Only, *, by: Sequence[Dimension]
    ) -> list[Line]:
        """Sum the calls of a period, one line a group, in the order of the groups.

        Raises:
            InvalidRequestError: If there are more groups than fit into one answer.
        """
        with self._database.snapshot() as session:
            rows = session.execute(_summed(session, period, only, by)).all()
            if len(rows) > MOST_LINES:
                raise InvalidRequestError(
                    f"These are more than {MOST_LINES} groups: ask for a shorter time,"
                    " or group by less."
                )
            names = _Names.of(session, by, rows)
        size = len(by)
        return [
            Line(names.group(by, row[:size]), Counts.of(row[size:])) for row in rows
        ]


def _summed(
    session: Session, period: Period, only: Only, by: Sequence[Dimension]
) -> Select[Any]:
    turn = rolled_until(session)
    columns = [ROLLED[name] for name in by]
    sums = [func.sum(getattr(UsageHour, name)).label(name) for name in COUNTS]
    rolled = (
        select(*_named(by, ROLLED), *sums)
        .where(*_within(UsageHour.hour, period), *conditions(only, ROLLED))
        .group_by(*columns)
    )
    live = (
        select(*_named(by, LIVE), *(sum_.label(n) for n, sum_ in COUNTS.items()))
        .where(Job.finished_at >= turn, Job.kind.in_(CALLS))
        .where(*_within(Job.finished_at, period), *conditions(only, LIVE))
        .group_by(*(LIVE[name] for name in by))
    )
    both = union_all(rolled, live).subquery()
    groups = [both.c[name.value] for name in by]
    return (
        select(*groups, *(func.sum(both.c[name]) for name in COUNTS))
        .group_by(*groups)
        .order_by(*groups)
        .limit(MOST_LINES + 1)
    )


def _named(by: Sequence[Dimension], columns: Columns) -> list[Any]:
    return [columns[name].label(name.value) for name in by]


def _within(moment: Any, period: Period) -> list[ColumnElement[bool]]:  # a column
    bounds = [moment >= period.begins]
    return bounds if period.ends is None else [*bounds, moment < period.ends]


@dataclass(frozen=True, slots=True)
class _Names:
    """What keys and users are called, as long as they exist."""

    keys: dict[int, tuple[str, str]]
    users: dict[int, str]

    @classmethod
    def of(cls, session: Session, by: Sequence[Dimension], rows: Sequence[Any]) -> Self:
        """Read the names of those in the rows."""
        keys = select(ApiKey.id, ApiKey.prefix, ApiKey.name)
        users = select(User.id, User.name)
        met = {name: {row[place] for row in rows} for place, name in enumerate(by)}
        of_keys = keys.where(ApiKey.id.in_(met.get(Dimension.KEY, ())))
        of_users = users.where(User.id.in_(met.get(Dimension.USER, ())))
        return cls(
            {row.id: (row.prefix, row.name) for row in session.execute(of_keys)},
            {row.id: row.name for row in session.execute(of_users)},
        )

    def group(self, by: Sequence[Dimension], values: Sequence[Any]) -> dict[str, Any]:
        """Name a group."""
        named: dict[str, Any] = {}
        for name, value in zip(by, values, strict=True):
            named |= self._one(name, value)
        return named

    def _one(self, name: Dimension, value: Any) -> dict[str, Any]:
        if name is Dimension.KEY:
            prefix, called = self.keys.get(value, (None, None))
            return {"key_id": value or None, "key_prefix": prefix, "key_name": called}
        if name is Dimension.USER:
            return {"user_id": value, "user": self.users.get(value)}
        if name is Dimension.HOUR:
            return {"hour": datetime.strptime(value, "%Y-%m-%d %H").replace(tzinfo=UTC)}
        return {name.value: value or None}
