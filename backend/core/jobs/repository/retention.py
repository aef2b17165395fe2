"""Dropping what is no longer kept: payloads, idempotency keys, old jobs, sessions."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, delete, not_, or_, select, update
from sqlalchemy.orm import Session as Transaction

from backend.core.db import Database, transaction
from backend.core.identifiers import oldest_uuid7
from backend.core.jobs.states import FINAL, State
from backend.core.models import Job, JobAttempt, JobPayload, Session, UnkeptPayload
from backend.core.usage.grouping import CALLS
from backend.core.usage.rollup import rolled_until

# Small transactions: nobody waits for a lock of ours.
_BATCH = 500
# With retention 0 a result waits this long for its reader (JOBS.md 29).
_UNREAD = timedelta(minutes=10)


class JobRetention:
    """Deletes by age, in batches by primary key."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def drop_payloads(self, *, older_than_ms: int) -> int:
        """Drop request and result of jobs that ended so long ago; gives how many.

        Those that nobody wants kept go as with retention 0.
        """
        age = timedelta(milliseconds=older_than_ms) or _UNREAD
        limit = datetime.now(UTC) - age
        old = (
            select(JobPayload.job_id)
            .join(Job, Job.id == JobPayload.job_id)
            .where(JobPayload.expired_at.is_(None))
            .where(Job.state.in_(FINAL), Job.finished_at < limit)
            .limit(_BATCH)
        )
        unkept = _unkept(datetime.now(UTC) - _UNREAD).limit(_BATCH)
        count = self._in_batches(lambda session: self._drop(session, old))
        return count + self._in_batches(lambda session: self._drop(session, unkept))

    def drop_payload(self, job_id: str) -> None:
        """Drop request and result of one job that has ended."""
        with transaction(self._database.sessions) as session:
            _drop(session, [job_id])

    @staticmethod
    def _drop(session: Transaction, old: Select[Any]) -> int:
        ids = list(session.execute(old).scalars())
        _drop(session, ids)
        return len(ids)

    def free_idempotency_keys(self, *, older_than_ms: int) -> int:
        """Let idempotency keys of jobs submitted so long ago be used again."""
        limit = datetime.now(UTC) - timedelta(milliseconds=older_than_ms)
        old = (
            select(Job.id)
            .where(Job.idempotency_key.is_not(None), Job.created_at < limit)
            .where(Job.id < oldest_uuid7(limit.timestamp()), Job.state.in_(FINAL))
            .limit(_BATCH)
        )
        return self._in_batches(lambda session: self._free(session, old))

    @staticmethod
    def _free(session: Transaction, old: Select[Any]) -> int:
        ids = list(session.execute(old).scalars())
        free = update(Job).where(Job.id.in_(ids)).values(idempotency_key=None)
        session.execute(free)
        return len(ids)

    def delete_jobs(self, *, older_than_ms: int) -> int:
        """Delete jobs that ended so long ago, with all that belongs to them.

        Calls stay until they are rolled up: their usage outlives them.
        """
        limit = datetime.now(UTC) - timedelta(milliseconds=older_than_ms)
        with transaction(self._database.sessions) as session:
            rolled = Job.finished_at < rolled_until(session)
        old = (
            select(Job.id)
            .where(Job.id < oldest_uuid7(limit.timestamp()))
            .where(Job.state.in_(FINAL), Job.finished_at < limit)
            .where(or_(rolled, Job.kind.not_in(CALLS)))
            .limit(_BATCH)
        )
        return self._in_batches(lambda session: self._delete(session, old))

    @staticmethod
    def _delete(session: Transaction, old: Select[Any]) -> int:
        ids = list(session.execute(old).scalars())
        session.execute(delete(JobAttempt).where(JobAttempt.job_id.in_(ids)))
        session.execute(delete(JobPayload).where(JobPayload.job_id.in_(ids)))
        session.execute(delete(UnkeptPayload).where(UnkeptPayload.job_id.in_(ids)))
        session.execute(delete(Job).where(Job.id.in_(ids)))
        return len(ids)

    def delete_sessions(self) -> int:
        """Delete sessions that have ended."""
        ended = delete(Session).where(Session.expires_at < datetime.now(UTC))
        with transaction(self._database.sessions) as session:
            return int(getattr(session.execute(ended), "rowcount", 0))

    def _in_batches(self, step: Callable[[Transaction], int]) -> int:
        total = 0
        while True:
            with transaction(self._database.sessions) as session:
                count = step(session)
            total += count
            if count < _BATCH:
                return total


def _unkept(unread_since: datetime) -> Select[Any]:
    """Find what nobody wants kept, of jobs that ended without a result or long ago."""
    unread = and_(Job.state == State.SUCCEEDED, Job.finished_at >= unread_since)
    return (
        select(UnkeptPayload.job_id)
        .join(Job, Job.id == UnkeptPayload.job_id)
        .where(Job.state.in_(FINAL), not_(unread))
    )


def _drop(session: Transaction, ids: Sequence[str]) -> None:
    nothing = {"request": None, "original": None, "result": None}
    session.execute(
        update(JobPayload)
        .where(JobPayload.job_id.in_(ids))
        .values(**nothing, expired_at=datetime.now(UTC))
    )
    session.execute(delete(UnkeptPayload).where(UnkeptPayload.job_id.in_(ids)))
