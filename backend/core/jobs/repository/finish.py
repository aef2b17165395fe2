"""Ending jobs: result, usage, attempt and state in one fenced transaction.

A single end is two plain UPDATEs. Several at once are one UPDATE over both tables, a
third of the work for ten of them, except in SQLite, which has no such statement.
"""

from collections.abc import Sequence
from typing import Any

from backend.core.db import ConnectionLostError, Database
from backend.core.errors import DatabaseUnavailableError
from backend.core.hot_cursor import COMMIT, HotCursor, Statement
from backend.core.jobs.records import AttemptRecord, Finish
from backend.core.jobs.repository.rows import ID_AND_ROW, told
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
# In the order of the assignments.
_ENDED = [n for n in _FIELDS if n not in {"id", "attempt", "token", "result"}]
# Every API process hears of every end: larger results are read by whoever needs them.
_TOLD_CHARACTERS = 16 * 1024
_ATTEMPT = "outcome,node,worker,model,model_digest,options,timings"


class SupersededError(Exception):
    """The row is no longer this attempt's: another attempt runs, or it has ended."""


class JobFinish:
    """Commits ends."""

    def __init__(self, database: Database) -> None:
        """Write the statements once."""
        self._database = database
        d = database.dialect
        assignments = ",".join(f"j.{name}={{{name}}}" for name in _ENDED[:-1])
        ended = (
            f"j.finished_at={d.now},j.lease_owner=NULL,j.lease_expires_at=NULL,"
            f"j.first_token_at={d.after('j.started_at', '{first_token_ms}')}"
        )
        self._assignments = f"{assignments},{ended}"
        single = self._fill(dict.fromkeys(_FIELDS, "%s")).replace("j.", "")
        self._single = (
            f"UPDATE jobs {d.by_primary_key} SET {single} WHERE id=%s"
            " AND state='running' AND attempt=%s AND claim_token=%s"
        )
        self._attempt_row = f"(%s,%s,%s,%s,%s,%s,%s,%s,%s,{d.now})"

    def __call__(self, finishes: Sequence[Finish]) -> list[bytes | None]:
        """Commit the ends, all or none; gives the jobs as `rows.heard` reads them.

        None stands for those that whoever waits should read in the database.

        Raises:
            SupersededError: If one of them is no longer its holder's.
            DatabaseUnavailableError: If the database stays away; nothing is known.
        """
        try:
            return self._database.run(lambda cursor: self._finish(cursor, finishes))
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

    def _finish(
        self, cursor: HotCursor, finishes: Sequence[Finish]
    ) -> list[bytes | None]:
        ordered = sorted(finishes, key=lambda finish: finish.id)
        attempts = attempt_rows(
            self._attempt_row,
            [(finish.id, finish.attempt, finish.record) for finish in ordered],
        )
        if self._database.dialect.sqlite or len(ordered) == 1:
            fenced = [self._update(finish) for finish in ordered]
            results, changed = [_result(finish) for finish in ordered], len(ordered)
        else:
            fenced, results = [self._joined_update(ordered)], []
            # The rows of both tables count.
            changed = 2 * len(ordered)
        with cursor.begun_with(fenced) as counts:
            if sum(counts) != changed:
                raise SupersededError
            cursor.execute_all([*results, attempts, COMMIT, _rows(finishes)])
        rows: dict[str, str] = dict(cursor.rows())
        return [_told(finish, rows) for finish in finishes]

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

    def _update(self, finish: Finish) -> Statement:
        row = dict(zip(_FIELDS, _values(finish), strict=True))
        return (
            self._single,
            [*(row[name] for name in _ENDED), finish.id, finish.attempt, finish.token],
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


def _rows(finishes: Sequence[Finish]) -> Statement:
    marks = ",".join(["%s"] * len(finishes))
    return f"{ID_AND_ROW}{marks})", [finish.id for finish in finishes]


def _told(finish: Finish, rows: dict[str, str]) -> bytes | None:
    if len(finish.result or "") > _TOLD_CHARACTERS:
        return None
    return told(rows[finish.id], finish.result)


def _result(finish: Finish) -> Statement:
    return "UPDATE job_payloads SET result=%s WHERE job_id=%s", (
        finish.result,
        finish.id,
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
