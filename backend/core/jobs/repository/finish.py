"""Ending jobs: result, usage, attempt and state in one fenced transaction.

The whole transaction is one round trip, so that no row stays locked for the sake of a
process that dies or is stopped in its middle. Its first statement replaces the claim's
token by one of its own, and all others hold only for rows that have it.

A single end is plain statements. Several at once are one UPDATE over both tables, a
third of the work for ten of them, except in SQLite, which has no such statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.core.db import ConnectionLostError, Database
from backend.core.errors import DatabaseUnavailableError
from backend.core.hot_cursor import HotCursor, Statement
from backend.core.identifiers import uuid7
from backend.core.jobs.records import AttemptRecord, Finish
from backend.core.jobs.repository.rows import ID_AND_ROW, told
from backend.core.jobs.repository.unkept import dropped_unkept
from backend.core.jobs.states import State

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
# What a statement takes beside a result.
_STATEMENT_BYTES = 64 * 1024
_SQLITE_BYTES = 1_000_000_000
_RECORD = (
    "outcome",
    "node",
    "worker",
    "model",
    "model_digest",
    "options",
    "timings",
)


@dataclass(frozen=True, slots=True)
class Committed:
    """An end that counted.

    `row` is the job as `rows.heard` reads it; None if whoever waits should read it in
    the database.
    """

    row: bytes | None = None


class JobFinish:
    """Commits ends."""

    def __init__(self, database: Database) -> None:
        """Write the statements once."""
        self._database = database
        d = database.dialect
        assignments = ",".join(f"j.{name}={{{name}}}" for name in _ENDED[:-1])
        ended = (
            f"j.finished_at={d.now},j.lease_owner=NULL,j.lease_expires_at=NULL,"
            f"j.first_token_at={d.after('j.started_at', '{first_token_ms}')},"
            "j.claim_token=%s"
        )
        self._assignments = f"{assignments},{ended}"
        single = self._fill(dict.fromkeys(_FIELDS, "%s")).replace("j.", "")
        self._single = (
            f"UPDATE jobs {d.by_primary_key} SET {single} WHERE id=%s"
            " AND state='running' AND attempt=%s AND claim_token=%s"
        )
        self._attempt = f"{attempt_row('finished_at')} AND claim_token=%s"
        self._drop = dropped_unkept(d)

    def __call__(self, finishes: Sequence[Finish]) -> list[Committed | None]:
        """Commit the ends; None stands for each that is no longer its holder's.

        Raises:
            DatabaseUnavailableError: If the database stays away; nothing is known.
        """
        mark = uuid7()
        try:
            # A second time is harmless: what has the mark is not running any more.
            rows = self._commit(finishes, mark)
        except ConnectionLostError:
            rows = self._commit_after_lost_reply(finishes, mark)
        return [_committed(finish, rows) for finish in finishes]

    def largest_result(self) -> int:
        """Tell how many bytes of a result the database takes in one packet.

        A larger one would be refused each time: by a broken connection, which looks
        like a database that is away.

        Raises:
            DatabaseUnavailableError: If the database cannot be asked.
        """
        if self._database.dialect.sqlite:
            return _SQLITE_BYTES
        return self._database.read(_packet_bytes) - _STATEMENT_BYTES

    def _commit_after_lost_reply(
        self, finishes: Sequence[Finish], mark: str
    ) -> dict[str, str]:
        try:
            done = self._database.run(lambda cursor: _marked(cursor, finishes, mark))
            left = [finish for finish in finishes if finish.id not in done]
            return done | (self._commit(left, mark) if left else {})
        except ConnectionLostError as error:
            raise DatabaseUnavailableError from error

    def _commit(self, finishes: Sequence[Finish], mark: str) -> dict[str, str]:
        # Everybody locks in the same order.
        ordered = sorted(finishes, key=lambda finish: finish.id)
        if self._database.dialect.sqlite or len(ordered) == 1:
            ends = [s for finish in ordered for s in self._plain(finish, mark)]
        else:
            ends = [self._joined(ordered, mark)]
        statements = [*ends, *(self._recorded(finish, mark) for finish in ordered)]
        without = [one.id for one in ordered if one.state is not State.SUCCEEDED]
        statements += [(self._drop, (job_id,)) for job_id in without]

        def work(cursor: HotCursor) -> dict[str, str]:
            cursor.commit_all(statements, then=_read_marked(finishes, mark))
            return dict(cursor.rows())

        return self._database.run(work)

    def _plain(self, finish: Finish, mark: str) -> list[Statement]:
        row = dict(zip(_FIELDS, _values(finish), strict=True))
        fence = (finish.id, finish.attempt, finish.token)
        return [
            (self._single, [*(row[name] for name in _ENDED), mark, *fence]),
            (
                (
                    "UPDATE job_payloads SET result=%s WHERE job_id="
                    "(SELECT id FROM jobs WHERE id=%s AND claim_token=%s)"
                ),
                (finish.result, finish.id, mark),
            ),
        ]

    def _joined(self, finishes: Sequence[Finish], mark: str) -> Statement:
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
            [*(value for finish in finishes for value in _values(finish)), mark],
        )

    def _recorded(self, finish: Finish, mark: str) -> Statement:
        return self._attempt, [*attempt_values(finish.record, finish.id), mark]

    def _fill(self, values: dict[str, str]) -> str:
        text = self._assignments
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text


def _packet_bytes(cursor: HotCursor) -> int:
    cursor.execute("SELECT @@max_allowed_packet")
    return int(cursor.rows()[0][0])


def attempt_row(finished_at: str) -> str:
    """Write the statement that keeps what an attempt did, from its job's row."""
    return (
        f"INSERT INTO job_attempts (job_id,attempt,started_at,finished_at,"
        f"{','.join(_RECORD)}) SELECT id,attempt,started_at,{finished_at},"
        f"{','.join(['%s'] * len(_RECORD))} FROM jobs WHERE id=%s"
    )


def attempt_values(record: AttemptRecord, job_id: str) -> list[Any]:
    """Give the values of that statement."""
    return [*(getattr(record, name) for name in _RECORD), job_id]


def _read_marked(finishes: Sequence[Finish], mark: str) -> Statement:
    ids = [finish.id for finish in finishes]
    marks = ",".join(["%s"] * len(ids))
    return f"{ID_AND_ROW}{marks}) AND j.claim_token=%s", [*ids, mark]


def _marked(cursor: HotCursor, finishes: Sequence[Finish], mark: str) -> dict[str, str]:
    cursor.execute(*_read_marked(finishes, mark))
    return dict(cursor.rows())


def _committed(finish: Finish, rows: dict[str, str]) -> Committed | None:
    if (row := rows.get(finish.id)) is None:
        return None
    if len(finish.result or "") > _TOLD_CHARACTERS:
        return Committed()
    return Committed(told(row, finish.result))


def _values(finish: Finish) -> list[Any]:
    values = [getattr(finish, name) for name in _FIELDS]
    return [str(v) if isinstance(v, str) else v for v in values]
