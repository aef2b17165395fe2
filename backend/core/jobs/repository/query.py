"""Reading jobs: one, many, lists by cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, literal_column, null, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from backend.core.db import Database, transaction
from backend.core.hot_cursor import HotCursor
from backend.core.jobs.records import JobRecord, NewJob
from backend.core.jobs.repository.rows import (
    COLUMNS,
    ROW_ONLY,
    WITH_PAYLOAD,
    WITH_RESULT,
    raw_record,
    record,
)
from backend.core.jobs.states import (
    NODE_WORK,
    Kind,
    OnDisconnect,
    Priority,
    Protocol,
    State,
)
from backend.core.models import Job, JobPayload
from backend.core.names import NODE_LANES


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; None does not narrow."""

    owner_id: int | None = None
    state: State | None = None
    kind: Kind | None = None
    model: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


class JobQuery:
    """Reads jobs by short transactions of their own."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database
        self._columns: list[InstrumentedAttribute[Any]] = [
            getattr(Job, name) for name in COLUMNS
        ]

    def get(self, job_id: str) -> JobRecord | None:
        """Read one job with request and result."""
        found = self.get_many([job_id], payload=True)
        return found[0] if found else None

    def get_many(self, ids: Sequence[str], *, payload: bool) -> list[JobRecord]:
        """Read jobs by id, in no order, with or without their payloads."""
        return self._read(WITH_PAYLOAD if payload else ROW_ONLY, ids)

    def outcomes(self, ids: Sequence[str]) -> list[JobRecord]:
        """Read jobs by id with their results, but not what was asked."""
        return self._read(WITH_RESULT, ids)

    def _read(self, select_by_ids: str, ids: Sequence[str]) -> list[JobRecord]:
        # Every waiting response ends with this read, so it is one of the hot ones.
        if not ids:
            return []
        sql = f"{select_by_ids}{','.join(['%s'] * len(ids))})"

        def work(cursor: HotCursor) -> list[JobRecord]:
            cursor.execute(sql, ids)
            return [raw_record(row) for row in cursor.rows()]

        return self._database.read(work)

    def by_idempotency_key(self, owner_id: int, key: str) -> JobRecord | None:
        """Read the job that an owner's idempotency key stands for."""
        statement = select(*self._columns).where(
            Job.owner_id == owner_id, Job.idempotency_key == key
        )
        with transaction(self._database.sessions) as session:
            row = session.execute(statement).one_or_none()
        return None if row is None else record(row)

    def page(
        self, filters: Filters, *, limit: int, after: str | None
    ) -> list[JobRecord]:
        """List jobs, newest first, those older than the job `after`."""
        statement = self._with_result().where(*_conditions(filters))
        if after is not None:
            statement = statement.where(Job.id < after)
        statement = statement.order_by(Job.id.desc()).limit(limit)
        with transaction(self._database.sessions) as session:
            rows = session.execute(statement).all()
        return [record(row) for row in rows]

    def as_new(self, job_id: str, *, queue_ms: int) -> NewJob | None:
        """Read a job as it was submitted; None if its request is no longer kept.

        Its wait is the platform's `queue_ms`: the row's own was stretched whenever it
        was handed back.
        """
        statement = select(Job, JobPayload.request, JobPayload.original).join(
            JobPayload, JobPayload.job_id == Job.id
        )
        with transaction(self._database.sessions) as session:
            row = session.execute(statement.where(Job.id == job_id)).one_or_none()
        if row is None:
            return None
        job, request, original = row
        if request is None:
            return None
        return _as_new(job, request, original, queue_ms=queue_ms)

    def original(self, job_id: str) -> str | None:
        """Read what the caller sent; None if it is not kept, or not any more."""
        statement = select(JobPayload.original).where(JobPayload.job_id == job_id)
        with transaction(self._database.sessions) as session:
            return session.execute(statement).scalar_one_or_none()

    def queued_count(self, limit: int) -> int:
        """Count the queued jobs, up to a limit."""
        queued = select(Job.id).where(Job.state == State.QUEUED.value).limit(limit)
        statement = select(func.count()).select_from(queued.subquery())
        with transaction(self._database.sessions) as session:
            return int(session.execute(statement).scalar_one())

    def queued_by_key(self, *, at_least: int) -> dict[int, int]:
        """Count the queued jobs of each key that has at least so many of them."""
        count = func.count()
        statement = (
            select(Job.key_id, count)
            .where(Job.state == State.QUEUED.value)
            .group_by(Job.key_id)
            .having(count >= at_least)
        )
        with transaction(self._database.sessions) as session:
            rows = session.execute(statement).all()
        # The platform's own jobs are of no key.
        return {key_id: number for key_id, number in rows if key_id is not None}

    def lanes_with_due_jobs(self) -> list[str]:
        """Name the lanes in which a job waits, be it due or not."""
        statement = select(Job.lane).where(Job.state == State.QUEUED.value).distinct()
        with transaction(self._database.sessions) as session:
            return [row[0] for row in session.execute(statement)]

    def any_unfinished(self, lane: str) -> bool:
        """Tell whether a job of a lane waits or runs."""
        unfinished = [State.QUEUED.value, State.RUNNING.value]
        statement = select(Job.id).where(Job.state.in_(unfinished), Job.lane == lane)
        with transaction(self._database.sessions) as session:
            return session.execute(statement.limit(1)).first() is not None

    def node_work(self, lane: str, *, done_within_ms: int) -> list[JobRecord]:
        """List what waits or runs in a node's lane, and what succeeded a moment ago."""
        since = self._database.dialect.later(str(-done_within_ms)).replace("%%", "%")
        statement = select(*self._columns).where(
            Job.state.in_([State.QUEUED, State.RUNNING, State.SUCCEEDED]),
            Job.lane == lane,
            or_(Job.finished_at.is_(None), literal_column(f"finished_at>{since}")),
        )
        with transaction(self._database.sessions) as session:
            rows = session.execute(statement).all()
        return [record(row) for row in rows]

    def running_pulls(self) -> list[JobRecord]:
        """List the pulls that wait or run, newest first."""
        statement = (
            select(*self._columns)
            .where(Job.state.in_((State.QUEUED.value, State.RUNNING.value)))
            .where(Job.kind == Kind.PULL.value, Job.lane.startswith(NODE_LANES))
            .order_by(Job.id.desc())
        )
        with transaction(self._database.sessions) as session:
            rows = session.execute(statement).all()
        return [record(row) for row in rows]

    def recent_node_work(self, owner_id: int, *, limit: int = 50) -> list[JobRecord]:
        """List the latest works for nodes that an owner ordered, newest first."""
        statement = (
            select(*self._columns)
            .where(Job.owner_id == owner_id, Job.kind.in_(NODE_WORK))
            .order_by(Job.id.desc())
            .limit(limit)
        )
        with transaction(self._database.sessions) as session:
            rows = session.execute(statement).all()
        return [record(row) for row in rows]

    def due_count(self, lane: str, limit: int) -> int:
        """Count the due jobs of a lane, up to a limit; by the database's clock."""
        now = self._database.dialect.now.replace("%%", "%")
        due = (
            select(Job.id)
            .where(Job.state == State.QUEUED.value, Job.lane == lane)
            .where(or_(Job.not_before.is_(None), literal_column("not_before<=" + now)))
            .limit(limit)
        )
        statement = select(func.count()).select_from(due.subquery())
        with transaction(self._database.sessions) as session:
            return int(session.execute(statement).scalar_one())

    def _with_result(self) -> Select[Any]:
        return select(
            *self._columns, null(), JobPayload.result, JobPayload.expired_at
        ).outerjoin(JobPayload, JobPayload.job_id == Job.id)


def _as_new(job: Job, request: str, original: str | None, *, queue_ms: int) -> NewJob:
    return NewJob(
        id=job.id,
        owner_id=job.owner_id,
        key_id=job.key_id,
        kind=Kind(job.kind),
        model=job.model,
        requested_model=job.requested_model,
        lane=job.lane,
        request=request.encode(),
        # Cost over weight, as it was ranked.
        cost=job.fair_finish - job.fair_start,
        weight=1.0,
        priority=Priority(job.priority),
        on_disconnect=OnDisconnect(job.on_disconnect),
        queue_ms=queue_ms,
        deadline_ms=_milliseconds(job.deadline_at - job.created_at),
        metadata=job.caller_metadata,
        traceparent=job.traceparent,
        protocol=Protocol(job.protocol),
        original=None if original is None else original.encode(),
    )


def _milliseconds(span: timedelta) -> int:
    return round(span / timedelta(milliseconds=1))


def _conditions(filters: Filters) -> list[Any]:
    pairs = [
        (filters.owner_id, Job.owner_id.__eq__),
        (filters.state, Job.state.__eq__),
        (filters.kind, Job.kind.__eq__),
        (filters.model, Job.model.__eq__),
        (filters.created_after, Job.created_at.__ge__),
        (filters.created_before, Job.created_at.__lt__),
    ]
    return [compare(value) for value, compare in pairs if value is not None]
