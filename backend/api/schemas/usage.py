"""What callers ask about usage."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from backend.api.errors import invalid
from backend.api.schemas.moments import Moment
from backend.api.schemas.patterns import JOB_ID
from backend.api.schemas.queries import Query
from backend.core.jobs.states import FINAL, NODE_WORK, ErrorCode, Kind, Protocol, State
from backend.core.names import canonical_model
from backend.core.usage.calls import Which
from backend.core.usage.grouping import Dimension, Only
from backend.core.usage.hours import Period

_DAYS = timedelta(days=30)
_NONE = "none"
MOST_CALLS = {"json": 1_000, "csv": 100_000}
_USUAL_CALLS = {"json": 100, "csv": MOST_CALLS["csv"]}


def _check_groups(text: str) -> str:
    if text != _NONE and not set(text.split(",")) <= set(Dimension):
        raise ValueError(
            f"must be {_NONE}, or some of {', '.join(Dimension)}, with commas between"
        )
    return text


def _check_call(kind: Kind) -> Kind:
    if kind in NODE_WORK:
        raise ValueError("must be chat, generate or embed: nodes' own work is no usage")
    return kind


def _check_final(state: State) -> State:
    if state not in FINAL:
        raise ValueError("must be succeeded, failed, cancelled or expired")
    return state


Groups = Annotated[
    str,
    AfterValidator(_check_groups),
    WithJsonSchema({"type": "string", "examples": [_NONE, "model", "user,day"]}),
]
CallKind = Annotated[
    Kind,
    AfterValidator(_check_call),
    WithJsonSchema({"enum": [k.value for k in Kind if k not in NODE_WORK]}),
]
Ended = Annotated[
    State,
    AfterValidator(_check_final),
    WithJsonSchema({"enum": [s.value for s in State if s in FINAL]}),
]


class Narrowed(Query):
    """Which calls, by when they ended and what they were."""

    begins: Moment | None = Field(
        default=None, alias="from", description="When they ended, RFC 3339."
    )
    ends: Moment | None = Field(
        default=None, alias="to", description="They ended before; without it: now."
    )
    key: str | None = Field(
        default=None, min_length=1, max_length=64, description="An id or a prefix."
    )
    user: str | None = Field(
        default=None, min_length=1, max_length=64, description="An id or a name."
    )
    model: str | None = Field(default=None, min_length=1, max_length=200)
    node: str | None = Field(default=None, min_length=1, max_length=64)
    kind: CallKind | None = None
    protocol: Protocol | None = None
    format: Literal["json", "csv"] | None = Field(
        default=None, description="`csv` is the same as `Accept: text/csv`."
    )

    def only(self, owner_id: int | None) -> Only:
        """Narrow to these, of one owner or of all."""
        return Only(
            owner_id=owner_id,
            key=self.key,
            user=self.user,
            model=None if self.model is None else canonical_model(self.model),
            node=self.node,
            kind=self.kind,
            protocol=self.protocol,
        )

    def check_order(self) -> None:
        """Check that the time ends after it begins.

        Raises:
            InvalidRequestError: If it does not.
        """
        if self.begins and self.ends and self.begins >= self.ends:
            raise invalid("from", "must be before `to`")


class UsageQuery(Narrowed):
    """What to sum; times are widened to whole hours."""

    group_by: Groups = Field(
        default=Dimension.DAY.value,
        description=f"Some of {', '.join(Dimension)}, with commas between; or {_NONE}.",
    )

    @property
    def by(self) -> list[Dimension]:
        """Give the groups in the asked order."""
        names = [] if self.group_by == _NONE else self.group_by.split(",")
        return [Dimension(name) for name in dict.fromkeys(names)]

    def period(self, now: datetime) -> Period:
        """Give the hours to sum: without `from` the 30 days before the end."""
        self.check_order()
        return Period.around(self.begins or (self.ends or now) - _DAYS, self.ends)


class CallsQuery(Narrowed):
    """Which calls to list, and how many of them."""

    state: Ended | None = None
    error_code: ErrorCode | None = None
    limit: int | None = Field(
        default=None,
        ge=1,
        le=MOST_CALLS["csv"],
        description="JSON: 100 unless told otherwise, 1,000 at most. CSV: 100,000.",
    )
    after: str | None = Field(
        default=None,
        pattern=JOB_ID,
        description="The `next` of the page before: the last call that you have.",
    )

    def which(self, owner_id: int | None) -> Which:
        """Narrow to these, of one owner or of all."""
        self.check_order()
        return Which(
            self.only(owner_id),
            begins=self.begins,
            ends=self.ends,
            state=self.state,
            error_code=self.error_code,
        )

    def size(self, form: Literal["json", "csv"]) -> int:
        """Give how many calls an answer of this form has at most.

        Raises:
            InvalidRequestError: If it is asked for more than it holds.
        """
        size = self.limit or _USUAL_CALLS[form]
        if size > MOST_CALLS[form]:
            raise invalid("limit", f"is {MOST_CALLS[form]} at most, unless in CSV")
        return size
