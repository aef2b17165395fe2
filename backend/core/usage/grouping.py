"""By what usage is grouped and narrowed, wherever it is read from.

A call is a job of a kind that a model answers. What the platform and its administrators
have nodes do (pulls, loads, unloads) is no call, and counts nowhere here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, String, case, cast, func, or_, select

from backend.core.jobs.states import NODE_WORK, Kind, Protocol, State
from backend.core.models import ApiKey, Job, UsageHour, User

Columns = Mapping["Dimension", ColumnElement[Any]]
CALLS = tuple(kind.value for kind in Kind if kind not in NODE_WORK)
# What a database can number; a larger number is nobody's.
_LARGEST = 2**63 - 1


class Dimension(StrEnum):
    """What usage can be grouped by."""

    KEY = "key"
    USER = "user"
    MODEL = "model"
    NODE = "node"
    KIND = "kind"
    PROTOCOL = "protocol"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Only:
    """What usage is narrowed to; None does not narrow.

    Args:
        owner_id: Whose calls the asker may see.
        key: A key's id or visible prefix.
        user: A user's id or name.
        model: Who served; who was asked where nobody did.
        node: Where they ran last.
        kind: Of the calls.
        protocol: In whose words they were asked for.
    """

    owner_id: int | None = None
    key: str | None = None
    user: str | None = None
    model: str | None = None
    node: str | None = None
    kind: Kind | None = None
    protocol: Protocol | None = None


# The counts of the table, in its order, as sums of the jobs' rows.
COUNTS: Mapping[str, ColumnElement[Any]] = {
    "requests": func.count(),
    **{
        state.value: func.sum(case((Job.state == state.value, 1), else_=0))
        for state in (State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED)
    },
    "prompt_tokens": func.coalesce(func.sum(Job.prompt_tokens), 0),
    "completion_tokens": func.coalesce(func.sum(Job.completion_tokens), 0),
}


def _start(moment: Any, characters: int) -> ColumnElement[Any]:  # any column of a time
    """Write a moment's first characters: 13 are its hour, 10 its day."""
    return func.substr(cast(moment, String(26)), 1, characters)


# '' and 0 are "none": parts of a primary key are never NULL.
LIVE: Columns = {
    Dimension.USER: Job.owner_id.expression,
    Dimension.KEY: func.coalesce(Job.key_id, 0),
    Dimension.MODEL: func.coalesce(Job.served_model, Job.model),
    Dimension.NODE: func.coalesce(Job.node, ""),
    Dimension.KIND: Job.kind.expression,
    Dimension.PROTOCOL: Job.protocol.expression,
    Dimension.HOUR: _start(Job.finished_at, 13),
    Dimension.DAY: _start(Job.finished_at, 10),
}
ROLLED: Columns = {
    Dimension.USER: UsageHour.user_id.expression,
    Dimension.KEY: UsageHour.key_id.expression,
    Dimension.MODEL: UsageHour.model.expression,
    Dimension.NODE: UsageHour.node.expression,
    Dimension.KIND: UsageHour.kind.expression,
    Dimension.PROTOCOL: UsageHour.protocol.expression,
    Dimension.HOUR: _start(UsageHour.hour, 13),
    Dimension.DAY: _start(UsageHour.hour, 10),
}


def conditions(only: Only, columns: Columns) -> list[ColumnElement[bool]]:
    """Write what narrows."""
    pairs = [
        (only.owner_id, columns[Dimension.USER].__eq__),
        (only.key, lambda key: columns[Dimension.KEY].in_(_keys(key))),
        (only.user, lambda user: columns[Dimension.USER].in_(_users(user))),
        (only.model, columns[Dimension.MODEL].__eq__),
        (only.node, columns[Dimension.NODE].__eq__),
        (only.kind, columns[Dimension.KIND].__eq__),
        (only.protocol, columns[Dimension.PROTOCOL].__eq__),
    ]
    return [narrow(value) for value, narrow in pairs if value is not None]


def _keys(named: str) -> Any:  # SQLAlchemy's own
    return select(ApiKey.id).where(
        or_(ApiKey.id == _number(named), ApiKey.prefix == named)
    )


def _users(named: str) -> Any:  # SQLAlchemy's own
    return select(User.id).where(or_(User.id == _number(named), User.name == named))


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    return number if number <= _LARGEST else -1
