"""Scheduled maintenance: each task runs once per interval, whoever schedules it.

A task's row in `maintenance_runs` is its record and its lock: two beats are harmless,
since only one of them changes the row (JOBS.md 16).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson
import redis
import structlog
from sqlalchemy import ColumnElement, literal_column, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from backend.core import metrics
from backend.core.db import Database, transaction
from backend.core.errors import AppError
from backend.core.identifiers import uuid7
from backend.core.models import MaintenanceRun, UtcDateTime

log = structlog.get_logger()

# A run that did not report within so many intervals, at least and at most so long, is
# not waited for: its process died, or could not reach the database to report. Every
# task is a compare-and-set or idempotent, so one that only was slow is harmless.
_PATIENCE_INTERVALS = 5
_LEAST_PATIENCE_SECONDS = 5.0
_LONGEST_PATIENCE_SECONDS = 600.0
# A beat that is a little early must not find its own task "run already".
_EARLY = 0.5


class Outcome(StrEnum):
    """How a run came out."""

    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """What a task did: numbers for the record; `ok` False is a failure that it saw."""

    detail: dict[str, object]
    ok: bool = True


class Maintenance:
    """Runs tasks by name, at most once per interval."""

    def __init__(self, database: Database, *, runner: str | None = None) -> None:
        """Keep the database and the name of this runner."""
        self._database = database
        self._runner = runner or uuid7()

    def run(
        self,
        name: str,
        work: Callable[[], Report],
        *,
        interval_seconds: float,
        by_hand: bool = False,
    ) -> Outcome | None:
        """Run a task if it is due; None if another runner had its turn.

        Args:
            name: The row.
            work: What to do; its outcome and duration are kept.
            interval_seconds: How often at most.
            by_hand: An administrator asked: run now, unless it is running.
        """
        if not self._claim(name, interval_seconds, by_hand=by_hand):
            return None
        began = time.monotonic()
        try:
            report = work()
        except (AppError, redis.RedisError, SQLAlchemyError, OSError) as error:
            log.warning("maintenance_failed", task=name, error=str(error))
            report = Report({"error": str(error)}, ok=False)
        outcome = Outcome.OK if report.ok else Outcome.FAILED
        self._record(name, outcome, report, time.monotonic() - began)
        return outcome

    def _claim(self, name: str, interval_seconds: float, *, by_hand: bool) -> bool:
        self._ensure(name)
        rest = 0.0 if by_hand else interval_seconds * _EARLY
        began, never = MaintenanceRun.started_at, MaintenanceRun.started_at.is_(None)
        statement = (
            update(MaintenanceRun)
            .where(
                MaintenanceRun.name == name,
                or_(
                    never,
                    MaintenanceRun.finished_at >= began,
                    began < self._ago(_patience_seconds(interval_seconds)),
                ),
                or_(never, began <= self._ago(rest)),
            )
            .values(started_at=self._ago(0), runner=self._runner)
        )
        with transaction(self._database.sessions) as session:
            changed: object = session.execute(statement)
            return getattr(changed, "rowcount", 0) == 1

    def _ago(self, seconds: float) -> ColumnElement[datetime]:
        """Write a moment by the database's clock: beats have clocks of their own."""
        words = self._database.dialect.later(str(-round(seconds * 1000)))
        return literal_column(words.replace("%%", "%"), UtcDateTime())

    def _ensure(self, name: str) -> None:
        with transaction(self._database.sessions) as session:
            if session.get(MaintenanceRun, name) is not None:
                return
        try:
            with transaction(self._database.sessions) as session:
                session.add(MaintenanceRun(name=name))
        except IntegrityError:
            # Another runner made it in this moment.
            return

    def _record(
        self, name: str, outcome: Outcome, report: Report, seconds: float
    ) -> None:
        metrics.record_maintenance(name, outcome)
        statement = (
            update(MaintenanceRun)
            .where(MaintenanceRun.name == name, MaintenanceRun.runner == self._runner)
            .values(
                finished_at=self._ago(0),
                duration_ms=round(seconds * 1000),
                outcome=outcome.value,
                detail=orjson.dumps(report.detail).decode(),
            )
        )
        with transaction(self._database.sessions) as session:
            session.execute(statement)

    def runs(self) -> list[MaintenanceRun]:
        """List the last run of each task."""
        statement = select(MaintenanceRun).order_by(MaintenanceRun.name)
        with transaction(self._database.sessions) as session:
            return list(session.execute(statement).scalars())


def _patience_seconds(interval_seconds: float) -> float:
    patience = max(_LEAST_PATIENCE_SECONDS, _PATIENCE_INTERVALS * interval_seconds)
    return min(_LONGEST_PATIENCE_SECONDS, patience)
