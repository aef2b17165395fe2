"""Accepting jobs: rank and INSERT of all that were submitted together, in one packet.

Only when this has returned is anything answered; after that the answer is never an
error (JOBS.md 1, 8, 10).
"""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pymysql
from pymysql.constants import ER

from backend.core.credential import CallerChangedError
from backend.core.db import ConnectionLostError, Database
from backend.core.errors import DatabaseUnavailableError
from backend.core.hot_cursor import HotCursor, Statement
from backend.core.jobs.fair_share import Bid, Tags, tag
from backend.core.jobs.records import NewJob
from backend.core.key_lookup import unchanged

# One bad row (a duplicate idempotency key) is repeated alone by the group commit.
DUPLICATE = (pymysql.IntegrityError, sqlite3.IntegrityError)
# So is one that its columns cannot hold.
BAD_ROW = (*DUPLICATE, pymysql.DataError)


_COLUMNS = (
    "id,owner_id,key_id,kind,model,requested_model,lane,priority,queue_rank,fair_start,"
    "fair_finish,state,attempt,failures,on_disconnect,idempotency_key,body_hash,"
    "metadata,request_id,traceparent,replay_of,protocol,limits_id,created_at,queue_expires_at,deadline_at"
)


class JobInsert:
    """Writes new jobs and their payloads."""

    def __init__(self, database: Database, *, head_start: int) -> None:
        """Keep the tokens between two priorities and write the statements once."""
        self._database = database
        self._head_start = head_start
        self._row, self._lane_time = self._statements()

    def _statements(self) -> tuple[str, str]:
        d = self._database.dialect
        stands = f"{d.greater}(@{{lane}},@{{end}})"
        row = (
            f"(%s,{{owner}},%s,%s,%s,%s,%s,%s,{stands}+%s,{stands}+%s,{stands}+%s,"
            "'queued',0,0,%s,%s,%s,%s,%s,%s,%s,%s,%s,"
            f"{d.now},{d.later('%s')},{d.later('%s')})"
        )
        lane_time = (
            "COALESCE((SELECT MAX(fair_start) FROM jobs"
            " WHERE state='running' AND lane=%s),(SELECT MIN(fair_start) FROM jobs"
            " WHERE state='queued' AND lane=%s),0)"
        )
        return row, lane_time

    def __call__(self, jobs: Sequence[NewJob]) -> list[None]:
        """Commit the jobs.

        Raises:
            DatabaseUnavailableError: If it is certain that nothing was committed, or
                the database stays away.
            IntegrityError: If an idempotency key is taken; nothing was committed.
            CallerChangedError: If a job's credential does not hold any more; likewise.
        """
        try:
            self._commit(jobs)
        except DUPLICATE as error:
            if _is_nobodys(error):
                raise CallerChangedError from error
            raise
        return [None] * len(jobs)

    def _commit(self, jobs: Sequence[NewJob]) -> None:
        try:
            self._database.run(lambda cursor: self._insert(cursor, jobs))
        except ConnectionLostError:
            self._insert_after_lost_reply(jobs)

    def _insert_after_lost_reply(self, jobs: Sequence[NewJob]) -> None:
        # The ids are our own, so finding them means that the COMMIT counted.
        try:
            if not self._database.run(lambda cursor: _all_there(cursor, jobs)):
                self._database.run(lambda cursor: self._insert(cursor, jobs))
        except ConnectionLostError as error:
            raise DatabaseUnavailableError from error

    def _insert(self, cursor: HotCursor, jobs: Sequence[NewJob]) -> None:
        names = _Names()
        tags = self._tags(jobs)
        rows = [self._row_of(job, names) for job in jobs]
        statements = [
            (
                f"INSERT INTO jobs ({_COLUMNS}) VALUES {','.join(rows)}",
                [value for job in jobs for value in _values(job, tags[job.id])],
            ),
            (
                "INSERT INTO job_payloads (job_id,request,original) VALUES "
                + ",".join(["(%s,%s,%s)"] * len(jobs)),
                [value for job in jobs for value in _payload(job)],
            ),
        ]
        if unkept := [job.id for job in jobs if not job.kept]:
            rows = ["(%s)"] * len(unkept)
            marked = f"INSERT INTO unkept_payloads (job_id) VALUES {','.join(rows)}"
            statements.append((marked, unkept))
        cursor.commit_all(statements, let=names.variables)

    def _tags(self, jobs: Sequence[NewJob]) -> dict[str, Tags]:
        lanes: dict[str, list[NewJob]] = defaultdict(list)
        for job in jobs:
            lanes[job.lane].append(job)
        tags: dict[str, Tags] = {}
        for members in lanes.values():
            bids = [Bid(j.owner_id, j.cost, j.weight, j.priority) for j in members]
            placed = tag(bids, head_start=self._head_start)
            tags.update(zip((job.id for job in members), placed, strict=True))
        return tags

    def _row_of(self, job: NewJob, names: "_Names") -> str:
        """Write a job's row, and what has to be known for it."""
        lane, owner, credential = job.lane, job.owner_id, job.credential
        end = (
            "COALESCE((SELECT MAX(fair_finish) FROM jobs WHERE owner_id=%s AND lane=%s"
            " AND state IN ('queued','running')),0)"
        )
        may = "1"
        if credential is not None:
            may = "@" + names.name(unchanged(self._database.dialect, credential))
        return self._row.format(
            # A job of nobody is refused by the table, and all that came with it.
            owner=f"CASE WHEN {may} THEN %s END",
            lane=names.name((self._lane_time, (lane, lane))),
            end=names.name((end, (owner, lane))),
        )


class _Names:
    """Names for expressions, each once however often it is needed."""

    def __init__(self) -> None:
        self.variables: dict[str, Statement] = {}
        self._known: dict[tuple[str, tuple[object, ...]], str] = {}

    def name(self, expression: Statement) -> str:
        sql, values = expression
        known = self._known.setdefault((sql, tuple(values)), f"v{len(self._known)}")
        self.variables[known] = expression
        return known


def _values(job: NewJob, tags: Tags) -> tuple[Any, ...]:
    return (
        job.id,
        job.owner_id,
        job.key_id,
        job.kind.value,
        job.model,
        job.requested_model,
        job.lane,
        int(job.priority),
        tags.rank,
        tags.start,
        tags.finish,
        job.on_disconnect.value,
        job.idempotency_key,
        job.body_hash,
        job.metadata,
        job.request_id,
        job.traceparent,
        job.replay_of,
        job.protocol.value,
        job.limits_id,
        min(job.queue_ms, job.deadline_ms),
        job.deadline_ms,
    )


def _payload(job: NewJob) -> tuple[str, str, str | None]:
    original = None if job.original is None else job.original.decode()
    return job.id, job.request.decode(), original


def _all_there(cursor: HotCursor, jobs: Sequence[NewJob]) -> bool:
    marks = ",".join(["%s"] * len(jobs))
    cursor.execute(
        f"SELECT COUNT(*) FROM jobs WHERE id IN ({marks})", [job.id for job in jobs]
    )
    return int(cursor.rows()[0][0]) == len(jobs)


def _is_nobodys(error: Exception) -> bool:
    if isinstance(error, sqlite3.IntegrityError):
        return "NOT NULL constraint failed: jobs.owner_id" in str(error)
    return error.args[0] == ER.BAD_NULL_ERROR and "owner_id" in str(error)
