"""Rolling hours up, so that usage outlives the jobs it was summed of.

    usage_hourly                              jobs
    ─────────────────────────────┤├──────────────────────────► now
    hours that are over, summed   ↑   everything that ended since, as it is
                             rolled_until

Each call is in exactly one of the two, at every moment:

* Hours are rolled up in their order, each in one transaction that only inserts. So the
  newest hour of the table tells how far it has come, and there is no mark beside it
  that a crash could part from it. An hour without calls is passed over.
* A rolled hour is never summed again: its jobs may be gone. Of two who roll up the same
  hour, the second's rows are there already, and its transaction comes to nothing.
* An hour is rolled up when it is over since `GRACE`, by reads that lock: if they meet
  an end that has not committed even so, this run gives up, and the next tries again.
* Retention deletes no call that ended after `rolled_until`.
* Whoever reads both reads them in one snapshot.
"""

from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Insert, Select, insert, literal, literal_column, select
from sqlalchemy import func as sql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.core.db import Database
from backend.core.models import Job, UsageHour, UtcDateTime
from backend.core.usage.grouping import CALLS, COUNTS, LIVE, Dimension
from backend.core.usage.hours import HOUR, closed_until, hour_of

log = structlog.get_logger()

# Bounds one run; the rest is rolled up by the next.
_HOURS = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BY = {
    "user_id": LIVE[Dimension.USER],
    "key_id": LIVE[Dimension.KEY],
    **{name: LIVE[Dimension(name)] for name in ("model", "node", "kind", "protocol")},
}
# Another index would lock rows that are none of ours.
_INDEX = "FORCE INDEX (ix_jobs_finished_at)"


def rolled_until(session: Session) -> datetime:
    """Give the moment until which calls are summed; they are live from there on."""
    newest = session.execute(select(sql.max(UsageHour.hour))).scalar()
    return _EPOCH if newest is None else newest + HOUR


class Rollup:
    """Sums hours that are over."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def run(self, *, now: datetime | None = None) -> int:
        """Roll up what is over; gives how many hours.

        Args:
            now: The database's clock unless told otherwise.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached.
        """
        closed = closed_until(now or self._now())
        for done in range(_HOURS):
            if not self._roll_next(closed):
                return done
        return _HOURS

    def _now(self) -> datetime:
        words = self._database.dialect.now.replace("%%", "%")
        now = select(literal_column(words, UtcDateTime()))
        return self._database.transact(lambda s: s.execute(now).scalar_one())

    def _roll_next(self, closed: datetime) -> bool:
        try:
            return self._database.transact(lambda session: _roll(session, closed))
        except IntegrityError:
            log.info("usage_rolled_up_by_another")
            return False


def _roll(session: Session, closed: datetime) -> bool:
    """Roll up the next hour with calls; tells whether there was one."""
    since = rolled_until(session)
    first = _ended(since, closed, Job.finished_at).order_by(Job.finished_at).limit(1)
    ended = session.execute(first).scalar_one_or_none()
    if ended is None:
        return False
    session.execute(_sum(hour_of(ended)))
    return True


def _sum(hour: datetime) -> Insert:
    """Write the rows of an hour."""
    written = literal(hour, UtcDateTime())
    summed = _ended(hour, hour + HOUR, written, *_BY.values(), *COUNTS.values())
    return insert(UsageHour).from_select(
        ["hour", *_BY, *COUNTS], summed.group_by(*_BY.values())
    )


def _ended(begins: datetime, ends: datetime, *columns: Any) -> Select[Any]:
    """Read the calls that ended in a time, and lock them."""
    return (
        select(*columns)
        .with_hint(Job, _INDEX, "mysql")
        .with_hint(Job, _INDEX, "mariadb")
        .where(Job.finished_at >= begins, Job.finished_at < ends)
        .where(Job.kind.in_(CALLS))
        .with_for_update(nowait=True)
    )
