"""Rows of `jobs` as records, whether SQLAlchemy or a raw cursor read them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import Kind, OnDisconnect, Priority, Protocol, State

# The mapping's names, in the order of `JobRecord`'s fields.
COLUMNS = (
    "id",
    "owner_id",
    "key_id",
    "kind",
    "model",
    "requested_model",
    "served_model",
    "lane",
    "priority",
    "queue_rank",
    "state",
    "attempt",
    "failures",
    "last_event_id",
    "node",
    "created_at",
    "started_at",
    "first_token_at",
    "finished_at",
    "cancel_requested_at",
    "on_disconnect",
    "prompt_tokens",
    "completion_tokens",
    "done_reason",
    "timings",
    "error",
    "caller_metadata",
    "progress",
    "replay_of",
    "idempotency_key",
    "body_hash",
    "request_id",
    "protocol",
    "limits_id",
)
# One column of text instead of 34: each would be described and decoded by itself.
_SELECTED = "JSON_ARRAY({})".format(
    ",".join(f"j.{name}" for name in COLUMNS).replace("caller_metadata", "metadata")
)
_JOINED = "jobs j LEFT JOIN job_payloads p ON p.job_id=j.id"
# What `raw_record` reads, with ids in the place of `(`'s other end.
ROW_ONLY = f"SELECT {_SELECTED} FROM jobs j WHERE j.id IN ("
ID_AND_ROW = ROW_ONLY.replace("SELECT ", "SELECT j.id,", 1)
WITH_RESULT = (
    f"SELECT {_SELECTED},NULL,p.result,p.expired_at FROM {_JOINED} WHERE j.id IN ("
)
WITH_PAYLOAD = WITH_RESULT.replace("NULL", "p.request", 1)


def record(row: Sequence[Any]) -> JobRecord:
    """Make a record of a row: the columns, then perhaps request, result, expired_at."""
    values = list(row)
    for place, read in _READERS:
        values[place] = read(values[place])
    if len(values) > len(COLUMNS):
        values[-3:] = parsed(values[-3]), parsed(values[-2]), values[-1] is not None
    return JobRecord(*values)


def raw_record(row: Sequence[Any]) -> JobRecord:
    """Make a record of what the statements above select."""
    return record([*orjson.loads(row[0]), *row[1:]])


def told(row: str, result: str | None) -> bytes:
    """Write what `heard` reads: columns as selected above, and the result."""
    return b"[%b,%b]" % (row.encode(), (result or "null").encode())


def heard(told: bytes) -> JobRecord:
    """Make a record of a job that was told about; what was asked its caller knows."""
    columns, result = orjson.loads(told)
    return replace(record(columns), result=result)


def parsed(text: str | None) -> Any:  # whatever JSON holds
    """Read a JSON column."""
    return None if text is None else orjson.loads(text)


def aware(moment: datetime | str | None) -> datetime | None:
    """Read a time: SQLAlchemy's, a driver's naive one in UTC, or SQLite's text."""
    if moment is None:
        return None
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.replace(tzinfo=UTC)


_READ_BY_NAME: dict[str, Callable[[Any], Any]] = {
    "kind": Kind,
    "priority": Priority,
    "state": State,
    "on_disconnect": OnDisconnect,
    "protocol": Protocol,
    **dict.fromkeys(("created_at", "started_at", "first_token_at"), aware),
    **dict.fromkeys(("finished_at", "cancel_requested_at"), aware),
    **dict.fromkeys(("timings", "error", "caller_metadata", "progress"), parsed),
}
_READERS = [(COLUMNS.index(name), read) for name, read in _READ_BY_NAME.items()]
