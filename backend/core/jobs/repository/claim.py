"""Claiming: look for due jobs by index, then take them by compare-and-set (JOBS.md 9).

Two statements, each its own transaction, on every database. `SKIP LOCKED` is not used:
with a filesort MariaDB locks every match, and a second claimer is told "empty" while
hundreds of jobs wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from backend.core.db import Database
from backend.core.hot_cursor import HotCursor
from backend.core.identifiers import uuid7
from backend.core.jobs.records import Claimed, Due
from backend.core.jobs.states import Kind


@dataclass(frozen=True, slots=True)
class Holder:
    """Who claims: the process's incarnation owns the lease, the names are labels."""

    incarnation: str
    worker: str
    node: str


class JobClaim:
    """Finds due jobs and takes them."""

    def __init__(self, database: Database, holder: Holder, *, lease_ms: int) -> None:
        """Write the statements once."""
        self._database = database
        self._holder = holder
        self._lease_ms = lease_ms
        d = database.dialect
        self._due = f"(not_before IS NULL OR not_before<={d.now})"
        look = (
            # One column of text instead of ten to be described and decoded.
            "SELECT JSON_ARRAY(j.id,j.attempt,j.failures,j.kind,j.model,"
            f"j.requested_model,{d.milliseconds_until('j.deadline_at')},j.request_id,"
            "j.traceparent,j.limits_id),{request}"
            f" FROM jobs j {d.straight_join} job_payloads p ON p.job_id=j.id"
            " WHERE j.state='queued' AND j.lane=%s"
            f" AND (j.not_before IS NULL OR j.not_before<={d.now})"
            f" AND j.queue_expires_at>{d.now} ORDER BY j.queue_rank,j.id LIMIT %s"
        )
        self._look = look.replace("{request}", "p.request")
        bounded = "CASE WHEN LENGTH(p.request)<=%s THEN p.request ELSE '' END"
        self._look_bounded = look.replace("{request}", bounded)
        self._take = (
            f"UPDATE jobs {d.by_primary_key} SET state='running',attempt=attempt+1,"
            f"claim_token=%s,lease_owner=%s,lease_expires_at={d.later('%s')},"
            f"worker=%s,node=%s,started_at={d.now},not_before=NULL,last_event_id=NULL"
            " WHERE id IN ({ids}) AND ({pairs}) AND state='queued'"
            f" AND {self._due} AND queue_expires_at>{d.now}"
        )

    def look(
        self, lane: str, limit: int, *, most_bytes: int | None = None
    ) -> list[Due]:
        """Read the first due jobs of a lane, in rank order.

        A request of more bytes than that is left empty.
        """
        bound = () if most_bytes is None else (most_bytes,)
        sql = self._look_bounded if bound else self._look
        values = (*bound, lane, limit)
        return self._database.read(lambda cursor: _read(cursor, sql, values))

    def any_due(self, lane: str) -> bool:
        """Tell whether a job of the lane waits."""
        return bool(self.look(lane, 1))

    def take(self, due: Sequence[Due]) -> list[Claimed]:
        """Claim those of the jobs that still stand as they were read."""
        if not due:
            return []
        token = uuid7()
        # A lost reply is harmless: the token tells afterwards which rows are ours.
        return self._database.read(lambda cursor: self._claim(cursor, due, token))

    def _claim(
        self, cursor: HotCursor, due: Sequence[Due], token: str
    ) -> list[Claimed]:
        ids = sorted(job.id for job in due)
        pairs = " OR ".join(["(id=%s AND attempt=%s)"] * len(due))
        statement = self._take.replace("{ids}", _marks(ids)).replace("{pairs}", pairs)
        holder = self._holder
        values: list[Any] = [token, holder.incarnation, self._lease_ms]
        values += [holder.worker, holder.node, *ids]
        values += [value for job in due for value in (job.id, job.attempt)]
        changed = cursor.execute(statement, values)
        won = set(ids) if changed == len(ids) else self._carrying(cursor, ids, token)
        return [_claimed(job, token) for job in due if job.id in won]

    @staticmethod
    def _carrying(cursor: HotCursor, ids: Sequence[str], token: str) -> set[str]:
        cursor.execute(
            f"SELECT id FROM jobs WHERE id IN ({_marks(ids)}) AND claim_token=%s"
            " AND state='running'",
            (*ids, token),
        )
        return {row[0] for row in cursor.rows()}


def _read(cursor: HotCursor, sql: str, values: Sequence[object]) -> list[Due]:
    cursor.execute(sql, values)
    return [_due(row) for row in cursor.rows()]


def _marks(ids: Sequence[str]) -> str:
    return ",".join(["%s"] * len(ids))


def _due(row: tuple[Any, ...]) -> Due:
    job_id, attempt, failures, kind, model, requested, left, *rest = orjson.loads(
        row[0]
    )
    request_id, traceparent, limits_id = rest
    return Due(
        id=job_id,
        attempt=attempt,
        failures=failures,
        kind=Kind(kind),
        model=model,
        requested_model=requested,
        request=("null" if row[1] is None else row[1]).encode(),
        deadline_ms=left,
        request_id=request_id,
        traceparent=traceparent,
        limits_id=limits_id,
    )


def _claimed(job: Due, token: str) -> Claimed:
    return Claimed(
        id=job.id,
        attempt=job.attempt + 1,
        token=token,
        failures=job.failures,
        kind=job.kind,
        model=job.model,
        requested_model=job.requested_model,
        request=job.request,
        deadline_ms=job.deadline_ms,
        request_id=job.request_id,
        traceparent=job.traceparent,
        limits_id=job.limits_id,
    )
