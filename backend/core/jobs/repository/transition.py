"""All other moves: hand back, recover, cancel, expire, renew (JOBS.md 1-7).

Whoever moves a row back to `queued` decides in that same UPDATE: cancel asked →
`cancelled`, deadline passed → `expired`, budget spent → `failed`. MySQL evaluates SET
from left to right with the new values, so each assignment below reads only columns that
are assigned after it; SQLite reads the old values and is content with any order.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from backend.core.db import ConnectionLostError, Database
from backend.core.hot_cursor import HotCursor
from backend.core.jobs.errors import platform_error
from backend.core.jobs.records import AttemptRecord, Handback, Moved
from backend.core.jobs.repository.finish import attempt_row, attempt_values
from backend.core.jobs.repository.unkept import dropped_unkept
from backend.core.jobs.states import FINAL, ErrorCode, Kind, State

_MOVED = (
    "id,attempt,state,model,requested_model,kind,error,owner_id,last_event_id,"
    "completion_tokens,limits_id"
)
# Bounds one tick of recovery; the rest is found by the next.
_BATCH = 500


class JobTransition:
    """Moves jobs by compare-and-set."""

    def __init__(self, database: Database, *, max_failures: int, queue_ms: int) -> None:
        """Keep the budget of failures and the time a job may wait in the queue."""
        self._database = database
        self._max_failures = max_failures
        self.queue_ms = queue_ms
        d = database.dialect
        self._now, self._later = d.now, d.later
        self._attempt = attempt_row(d.now)
        self._drop = dropped_unkept(d)
        self._back = self._back_statement()

    def _back_statement(self) -> str:
        d = self._database.dialect
        cancelled = "cancel_requested_at IS NOT NULL"
        expired = f"deadline_at<={d.now}"
        spent = "failures+%s>%s"
        ends = f"{cancelled} OR {expired} OR {spent}"
        wait = d.later(str(self.queue_ms))
        return (
            f"UPDATE jobs {d.by_primary_key} SET"
            f" finished_at=CASE WHEN {ends} THEN {d.now} END,"
            f" completion_tokens=CASE WHEN {ends} THEN %s END,"
            f" error_code=CASE WHEN {cancelled} THEN NULL WHEN {expired}"
            f" THEN '{ErrorCode.DEADLINE_EXCEEDED}' WHEN {spent} THEN %s END,"
            f" error=CASE WHEN {cancelled} THEN NULL WHEN {expired} THEN %s"
            f" WHEN {spent} THEN %s END,"
            f" state=CASE WHEN {cancelled} THEN 'cancelled' WHEN {expired}"
            f" THEN 'expired' WHEN {spent} THEN 'failed' ELSE 'queued' END,"
            f" not_before={d.later('%s')},"
            f" queue_expires_at={d.smaller}(deadline_at,{wait}),"
            " failures=failures+%s,claim_token=NULL,lease_owner=NULL,"
            " lease_expires_at=NULL,progress=NULL"
            " WHERE id=%s AND state='running' AND attempt=%s"
        )

    def hand_back(self, handback: Handback) -> Moved | None:
        """Give a running job back; tells where it went, or None if it was not ours.

        Raises:
            DatabaseUnavailableError: If the database stays away.
        """
        try:
            return self._database.run(lambda cursor: self._move(cursor, handback, ""))
        except ConnectionLostError:
            return self._database.read(lambda cursor: self._moved(cursor, handback))

    def _moved(self, cursor: HotCursor, handback: Handback) -> Moved | None:
        """Move the row, unless the move whose reply was lost did."""
        moved = self._move(cursor, handback, "")
        if moved is None:
            for row in _read_moved(cursor, [handback.id]):
                if row.attempt == handback.attempt and row.state != State.SUCCEEDED:
                    return row
        return moved

    def recover(self) -> list[Moved]:
        """Take back the jobs whose lease is over, as failed attempts."""
        expired = self._database.read(self._read_leaseless)
        moved = [self._recover_one(row) for row in expired]
        return [job for job in moved if job is not None]

    def _read_leaseless(self, cursor: HotCursor) -> list[tuple[Any, ...]]:
        cursor.execute(
            "SELECT id,attempt,failures,node,worker,model FROM jobs"
            f" WHERE state='running' AND lease_expires_at<{self._now}"
            f" ORDER BY id LIMIT {_BATCH}"
        )
        return cursor.rows()

    def _recover_one(self, row: tuple[Any, ...]) -> Moved | None:
        job_id, attempt, failures, node, worker, model = row
        lost = Handback(
            id=job_id,
            attempt=attempt,
            failures=failures,
            costs=1,
            delay_ms=0,
            reason=ErrorCode.WORKER_LOST,
            error=_error(ErrorCode.WORKER_LOST, failures + 1),
            record=AttemptRecord(
                ErrorCode.WORKER_LOST, node=node, worker=worker, model=model
            ),
        )
        # The lease is checked again in the statement: the holder may have renewed it.
        fence = f" AND lease_expires_at<{self._now}"
        return self._database.read(lambda cursor: self._move(cursor, lost, fence))

    def _move(self, cursor: HotCursor, back: Handback, fence: str) -> Moved | None:
        spent = (back.costs, self._max_failures)
        deadline = _error(ErrorCode.DEADLINE_EXCEEDED, back.failures + back.costs)
        values = (
            *spent,  # finished_at
            *spent,  # completion_tokens
            back.completion_tokens,
            *spent,  # error_code
            back.reason.value,
            deadline,
            *spent,  # error
            back.error,
            *spent,  # state
            back.delay_ms,
            back.costs,
            back.id,
            back.attempt,
        )
        with cursor.transaction():
            if cursor.execute(self._back + fence, values) != 1:
                return None
            cursor.execute(self._attempt, attempt_values(back.record, back.id))
            return self._read_moved(cursor, back.id)

    def _read_moved(self, cursor: HotCursor, job_id: str) -> Moved:
        """Read where a row went; where that is an end, drop what nobody wants kept."""
        (moved,) = _read_moved(cursor, [job_id])
        if moved.state in FINAL:
            cursor.execute(self._drop, (job_id,))
        return moved

    def cancel(self, job_id: str) -> Moved | None:
        """Ask for a cancel: ends a queued job, flags a running one (JOBS.md 7).

        Gives None if the job has ended, or is not there.
        """
        return self._database.read(lambda cursor: self._cancel(cursor, job_id))

    def _cancel(self, cursor: HotCursor, job_id: str) -> Moved | None:
        changed = cursor.execute(
            "UPDATE jobs SET"
            f" cancel_requested_at=COALESCE(cancel_requested_at,{self._now}),"
            f"finished_at=CASE WHEN state='queued' THEN {self._now} END,"
            "state=CASE WHEN state='queued' THEN 'cancelled' ELSE state END"
            " WHERE id=%s AND state IN ('queued','running')",
            (job_id,),
        )
        return self._read_moved(cursor, job_id) if changed else None

    def expire(self) -> list[Moved]:
        """End the queued jobs whose wait or deadline is over."""
        return self._database.read(self._expire)

    def _expire(self, cursor: HotCursor) -> list[Moved]:
        cursor.execute(
            "SELECT id,failures FROM jobs WHERE state='queued' AND"
            f" queue_expires_at<={self._now} ORDER BY id LIMIT {_BATCH}"
        )
        rows = cursor.rows()
        return [job for row in rows for job in self._expire_one(cursor, *row)]

    def _expire_one(self, cursor: HotCursor, job_id: str, failures: int) -> list[Moved]:
        past = f"deadline_at<={self._now}"
        changed = cursor.execute(
            f"UPDATE jobs SET finished_at={self._now},"
            f"error_code=CASE WHEN {past} THEN '{ErrorCode.DEADLINE_EXCEEDED}'"
            f" ELSE '{ErrorCode.QUEUE_TIMEOUT}' END,"
            f"error=CASE WHEN {past} THEN %s ELSE %s END,state='expired'"
            f" WHERE id=%s AND state='queued' AND queue_expires_at<={self._now}",
            (
                _error(ErrorCode.DEADLINE_EXCEEDED, failures),
                _error(ErrorCode.QUEUE_TIMEOUT, failures),
                job_id,
            ),
        )
        return [self._read_moved(cursor, job_id)] if changed else []

    def renew(self, held: Sequence[tuple[str, int]], *, owner: str, ms: int) -> None:
        """Renew the leases of exactly these (job, attempt) pairs, in id order."""
        if held:
            self._database.read(lambda c: self._renew(c, sorted(held), owner, ms))

    def _renew(
        self, cursor: HotCursor, held: Sequence[tuple[str, int]], owner: str, ms: int
    ) -> None:
        force = self._database.dialect.by_primary_key
        pairs = " OR ".join(["(id=%s AND attempt=%s)"] * len(held))
        marks = ",".join(["%s"] * len(held))
        ids = [job_id for job_id, _ in held]
        cursor.execute(
            f"UPDATE jobs {force} SET lease_expires_at={self._later('%s')}"
            f" WHERE id IN ({marks}) AND ({pairs}) AND state='running'"
            " AND lease_owner=%s",
            [ms, *ids, *(v for pair in held for v in pair), owner],
        )

    def standing(self, ids: Sequence[str]) -> list[tuple[str, int, State, bool]]:
        """Read (id, attempt, state, cancel asked) of these jobs by primary key."""
        return self._database.read(lambda cursor: _standing(cursor, ids))

    def set_progress(self, job_id: str, attempt: int, progress: str) -> None:
        """Keep how far a pull is, while this attempt holds the job."""
        self._database.read(
            lambda cursor: cursor.execute(
                "UPDATE jobs SET progress=%s WHERE id=%s AND state='running'"
                " AND attempt=%s",
                (progress, job_id, attempt),
            )
        )


def _standing(
    cursor: HotCursor, ids: Sequence[str]
) -> list[tuple[str, int, State, bool]]:
    cursor.execute(
        "SELECT id,attempt,state,cancel_requested_at IS NOT NULL FROM jobs"
        f" WHERE id IN ({','.join(['%s'] * len(ids))})",
        list(ids),
    )
    return [(row[0], row[1], State(row[2]), bool(row[3])) for row in cursor.rows()]


def _read_moved(cursor: HotCursor, ids: Sequence[str]) -> list[Moved]:
    marks = ",".join(["%s"] * len(ids))
    cursor.execute(f"SELECT {_MOVED} FROM jobs WHERE id IN ({marks})", list(ids))
    return [
        Moved(
            id=row[0],
            attempt=row[1],
            state=State(row[2]),
            model=row[3],
            requested_model=row[4],
            kind=Kind(row[5]),
            error=orjson.loads(row[6]) if row[6] else None,
            owner_id=row[7],
            last_event_id=row[8],
            completion_tokens=row[9],
            limits_id=row[10],
        )
        for row in cursor.rows()
    ]


def _error(code: ErrorCode, attempts: int) -> str:
    return orjson.dumps(platform_error(code, attempts=attempts)).decode()
