"""The ledger's entries: each call that has ended, the newest first.

They are the rows of `jobs`, so they are listed as long as jobs are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from backend.core.db import Database, transaction
from backend.core.errors import InvalidRequestError
from backend.core.jobs.states import ErrorCode, State
from backend.core.models import ApiKey, Job, User
from backend.core.usage.grouping import CALLS, LIVE, Only, conditions

# What a transaction reads at most; whoever takes more takes it in pages.
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Which:
    """Which calls: by when they ended and how; None does not narrow."""

    only: Only
    begins: datetime | None = None
    ends: datetime | None = None
    state: State | None = None
    error_code: ErrorCode | None = None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call that has ended."""

    id: str
    created_at: datetime
    started_at: datetime | None
    first_token_at: datetime | None
    finished_at: datetime
    user_id: int
    user: str | None
    key_id: int | None
    key_prefix: str | None
    key_name: str | None
    model: str
    served_model: str | None
    node: str | None
    kind: str
    protocol: str
    state: str
    attempts: int
    error_code: str | None
    prompt_tokens: int | None
    completion_tokens: int | None

    @property
    def queue_ms(self) -> float | None:
        """Tell how long it waited for its last attempt; None if there was none."""
        return self._after(self.started_at)

    @property
    def first_token_ms(self) -> float | None:
        """Tell how long its caller waited for the first token."""
        return self._after(self.first_token_at)

    @property
    def total_ms(self) -> float | None:
        """Tell how long it took from its submission to its end."""
        return self._after(self.finished_at)

    def _after(self, moment: datetime | None) -> float | None:
        if moment is None:
            return None
        return (moment - self.created_at) / timedelta(milliseconds=1)


_COLUMNS = (
    Job.id,
    Job.created_at,
    Job.started_at,
    Job.first_token_at,
    Job.finished_at,
    Job.owner_id,
    User.name,
    Job.key_id,
    ApiKey.prefix,
    ApiKey.name,
    Job.requested_model,
    Job.served_model,
    Job.node,
    Job.kind,
    Job.protocol,
    Job.state,
    Job.attempt,
    Job.error_code,
    Job.prompt_tokens,
    Job.completion_tokens,
)


class UsageCalls:
    """Lists calls by short transactions of their own."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def pages(
        self, which: Which, *, limit: int, after: str | None = None
    ) -> Iterator[list[CallRecord]]:
        """List calls, the newest end first, those that come after the call `after`.

        Raises:
            InvalidRequestError: If there is no such call.
        """
        # Whoever asks for what is not there hears of it before the first page.
        place = None if after is None else self._place(after, which.only.owner_id)
        return self._pages(which, place, limit)

    def _pages(
        self, which: Which, place: tuple[datetime, str] | None, limit: int
    ) -> Iterator[list[CallRecord]]:
        while limit > 0:
            size = min(limit, _PAGE)
            page = self._page(which, place, size)
            if page:
                yield page
                place = (page[-1].finished_at, page[-1].id)
            limit = limit - size if len(page) == size else 0

    def _place(self, job_id: str, owner_id: int | None) -> tuple[datetime, str]:
        ended = select(Job.finished_at, Job.owner_id).where(Job.id == job_id)
        with transaction(self._database.sessions) as session:
            row = session.execute(ended).one_or_none()
        if row and row.finished_at and owner_id in (None, row.owner_id):
            return row.finished_at, job_id
        why = "is no call that has ended, or none that is kept"
        raise InvalidRequestError.of("after", why)

    def _page(
        self, which: Which, place: tuple[datetime, str] | None, size: int
    ) -> list[CallRecord]:
        statement = _ended(which).limit(size)
        if place is not None:
            statement = statement.where(_older_than(*place))
        with transaction(self._database.sessions) as session:
            return [CallRecord(*row) for row in session.execute(statement)]


def _ended(which: Which) -> Select[Any]:
    pairs = [
        (which.begins, Job.finished_at.__ge__),
        (which.ends, Job.finished_at.__lt__),
        (which.state, Job.state.__eq__),
        (which.error_code, Job.error_code.__eq__),
    ]
    narrowed = [compare(value) for value, compare in pairs if value is not None]
    columns: tuple[Any, ...] = _COLUMNS
    return (
        select(*columns)
        .outerjoin(ApiKey, ApiKey.id == Job.key_id)
        .outerjoin(User, User.id == Job.owner_id)
        .where(Job.finished_at.is_not(None), Job.kind.in_(CALLS))
        .where(*narrowed, *conditions(which.only, LIVE))
        .order_by(Job.finished_at.desc(), Job.id.desc())
    )


def _older_than(moment: datetime, job_id: str) -> ColumnElement[bool]:
    # The first condition says nothing new, but is a range of the index.
    earlier = or_(Job.finished_at < moment, Job.id < job_id)
    return and_(Job.finished_at <= moment, earlier)
