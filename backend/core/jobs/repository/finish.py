"""Ending jobs: result, usage, attempt and state in one fenced transaction.

On MySQL and MariaDB one UPDATE joins `jobs` and `job_payloads`, whose row count is that
of both tables; SQLite has no such statement and takes two.
"""

from collections.abc import Sequence
from typing import Any

from backend.core.db import ConnectionLostError, Database
from backend.core.errors import DatabaseUnavailableError
from backend.core.hot_cursor import COMMIT, HotCursor, Statement
from backend.core.jobs.records import AttemptRecord, Finish
from backend.core.jobs.states import FINAL, State

_FIELDS = (
    "id",
    "attempt",
    "token",
    "state",
    "last_event_id",
    "served_model",
    "result",
    "done_reason",
    "timings",
    "error_code",
    "error",
    "prompt_tokens",
    "completion_tokens",
    "first_token_ms",
)
_ATTEMPT = "outcome,node,worker,model,model_digest,options,timings"


class SupersededError(Exception):
    """The row is no longer this attempt's: another attempt runs, or it has ended."""


class JobFinish:
    """Commits ends."""

    def __init__(self, database: Database) -> None:
        """Write the statements once."""
        self._database = database
        d = database.dialect
        assignments = ",".join(
            f"{prefix}{name}={{{name}}}"
            for prefix, name in (
                ("j.", "state"),
                ("j.", "last_event_id"),
                ("j.", "served_model"),
                ("j.", "done_reason"),
                ("j.", "timings"),
                ("j.", "error_code"),
                ("j.", "error"),
                ("j.", "prompt_tokens"),
                ("j.", "completion_tokens"),
            )
        )
        ended = (
            f"j.finished_at={d.now},j.lease_owner=NULL,j.lease_expires_at=NULL,"
            f"j.first_token_at={d.after('j.started_at', '{first_token_ms}')}"
        )
        self._assignments = f"{assignments},{ended}"
        self._attempt_row = f"(%s,%s,%s,%s,%s,%s,%s,%s,%s,{d.now})"

    def __call__(self, finishes: Sequence[Finish]) -> list[None]:
        """Commit the ends, all or none.

        Raises:
            SupersededError: If one of them is no longer its holder's.
            DatabaseUnavailableError: If the database stays away; nothing is known.
        """
        try:
            self._database.run(lambda cursor: self._finish(cursor, finishes))
        except ConnectionLostError:
            self._finish_after_lost_reply(finishes)
        return [None] * len(finishes)

    def _finish_after_lost_reply(self, finishes: Sequence[Finish]) -> None:
        try:
            left = self._database.run(lambda cursor: _not_done(cursor, finishes))
            if left:
                self._database.run(lambda cursor: self._finish(cursor, left))
        except ConnectionLostError as error:
            raise DatabaseUnavailableError from error

    def _finish(self, cursor: HotCursor, finishes: Sequence[Finish]) -> None:
        ordered = sorted(finishes, key=lambda finish: finish.id)
        attempts = attempt_rows(
            self._attempt_row,
            [(finish.id, finish.attempt, finish.record) for finish in ordered],
        )
        if self._database.dialect.sqlite:
            with cursor.transaction():
                self._update_each(cursor, ordered)
                cursor.execute(*attempts)
            return
        with cursor.begun_with(*self._joined_update(ordered)) as changed:
            if changed != 2 * len(ordered):
                raise SupersededError
            cursor.execute_all([attempts, COMMIT])

    def _joined_update(self, finishes: Sequence[Finish]) -> Statement:
        first = "SELECT " + ",".join(f"%s {name}" for name in _FIELDS)
        other = " UNION ALL SELECT " + ",".join(["%s"] * len(_FIELDS))
        values = {name: f"d.{name}" for name in _FIELDS}
        return (
            (
                f"UPDATE ({first}{other * (len(finishes) - 1)}) d STRAIGHT_JOIN jobs j"
                " FORCE INDEX (PRIMARY) ON j.id=d.id STRAIGHT_JOIN job_payloads p"
                f" ON p.job_id=j.id SET p.result=d.result,{self._fill(values)}"
                " WHERE j.state='running' AND j.attempt=d.attempt"
                " AND j.claim_token=d.token"
            ),
            [value for finish in finishes for value in _values(finish)],
        )

    def _update_each(self, cursor: HotCursor, finishes: Sequence[Finish]) -> None:
        named = dict.fromkeys(_FIELDS, "%s")
        assignments = self._fill(named).replace("j.", "")
        for finish in finishes:
            row = dict(zip(_FIELDS, _values(finish), strict=True))
            order = [
                n for n in _FIELDS if n not in {"id", "attempt", "token", "result"}
            ]
            changed = cursor.execute(
                f"UPDATE jobs SET {assignments} WHERE id=%s AND state='running'"
                " AND attempt=%s AND claim_token=%s",
                [*(row[n] for n in order), finish.id, finish.attempt, finish.token],
            )
            if changed != 1:
                raise SupersededError
            cursor.execute(
                "UPDATE job_payloads SET result=%s WHERE job_id=%s",
                (finish.result, finish.id),
            )

    def _fill(self, values: dict[str, str]) -> str:
        text = self._assignments
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text


def attempt_rows(
    row: str, ended: Sequence[tuple[str, int, AttemptRecord]]
) -> Statement:
    """Write down what attempts did, for the transaction that ends them."""
    return (
        f"INSERT INTO job_attempts (job_id,attempt,{_ATTEMPT},finished_at) VALUES "
        + ",".join([row] * len(ended)),
        [
            value
            for job_id, attempt, r in ended
            for value in (
                job_id,
                attempt,
                r.outcome,
                r.node,
                r.worker,
                r.model,
                r.model_digest,
                r.options,
                r.timings,
            )
        ],
    )


def _values(finish: Finish) -> list[Any]:
    values = [getattr(finish, name) for name in _FIELDS]
    return [str(v) if isinstance(v, str) else v for v in values]


def _not_done(cursor: HotCursor, finishes: Sequence[Finish]) -> list[Finish]:
    """Leave out what did count: final with my attempt and my claim means done."""
    marks = ",".join(["%s"] * len(finishes))
    cursor.execute(
        f"SELECT id,attempt,claim_token,state FROM jobs WHERE id IN ({marks})",
        [finish.id for finish in finishes],
    )
    done = {tuple(row[:3]) for row in cursor.rows() if State(row[3]) in FINAL}
    return [f for f in finishes if (f.id, f.attempt, f.token) not in done]
