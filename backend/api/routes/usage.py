"""Usage: sums by group, and the calls that they are sums of."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response

from backend.api.answers import answer, listed
from backend.api.bodies import read_query
from backend.api.container import services
from backend.api.csv_table import attachment, csv_text
from backend.api.schemas.usage import CallsQuery, UsageQuery
from backend.api.usage_view import (
    CALL_FIELDS,
    call_view,
    counts_view,
    line_fields,
    line_view,
)
from backend.api.visible import visible_owner
from backend.api.wishes import wants_csv
from backend.core.usage.calls import CallRecord
from backend.core.usage.sums import Counts

blueprint = Blueprint("usage", __name__, url_prefix="/api/v1/usage")


@blueprint.get("")
def sums() -> Response:
    """Sum the calls that ended in some hours, by group."""
    query = read_query(UsageQuery)
    as_csv, period = wants_csv(query.format), query.period(datetime.now(UTC))
    lines = services().usage.lines(period, query.only(visible_owner()), by=query.by)
    shown = [line_view(line) for line in lines]
    if as_csv:
        text = csv_text(shown, line_fields(query.by))
        return attachment(text, name="corral-usage.csv")
    report: dict[str, Any] = {
        "from": period.begins,
        "to": period.ends,
        "data": shown,
        "total": counts_view(Counts.total(line.counts for line in lines)),
    }
    return answer(report)


@blueprint.get("/calls")
def list_calls() -> Response:
    """List the calls that have ended, the newest end first."""
    query = read_query(CallsQuery)
    as_csv, which = wants_csv(query.format), query.which(visible_owner())
    size = query.size("csv" if as_csv else "json")
    pages = services().calls.pages(which, limit=size, after=query.after)
    # What goes wrong with the first page is still answered as such.
    first = next(pages, [])
    if as_csv:
        return attachment(_table(first, pages), name="corral-calls.csv")
    following = first[-1].id if len(first) == size else None
    return listed([call_view(call) for call in first], following)


def _table(
    first: list[CallRecord], others: Iterator[list[CallRecord]]
) -> Iterator[str]:
    yield csv_text(map(call_view, first), CALL_FIELDS)
    for page in others:
        yield csv_text(map(call_view, page), CALL_FIELDS, header=False)
