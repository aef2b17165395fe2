"""`GET /v1/responses/{id}`, whole or as it grows, and what it was asked with."""

from typing import Any

from flask import Blueprint, Response, request

from backend.api.answers import answer
from backend.api.auth import caller
from backend.api.bodies import read_query
from backend.api.calls.call import Call
from backend.api.calls.holding_back import HoldingBack
from backend.api.calls.stream import AnswerStream
from backend.api.container import services
from backend.api.delivery import once_sent
from backend.api.errors import invalid
from backend.api.openai.responses.answer import response
from backend.api.openai.responses.events import ResponseEvents, lead
from backend.api.openai.responses.input_items import input_items
from backend.api.openai.responses.stored import find
from backend.api.openai.responses.tooling import tooling_of
from backend.api.openai.schemas.response_queries import InputItemsQuery, ResponseQuery
from backend.api.peer import Peer
from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import FINAL
from backend.core.streams.follow import without_gap
from backend.core.streams.frames import START, EventName

blueprint = Blueprint("openai_stored_responses", __name__)


@blueprint.get("/v1/responses/<response_id>")
def get(response_id: str) -> Response:
    """Show a response as it stands, or stream it from the beginning or a number."""
    query = read_query(ResponseQuery)
    if query.stream:
        after = query.starting_after
        return _streamed(response_id, -1 if after is None else after)
    stored = find(response_id, caller().user_id)
    shown = answer(response(stored.row, stored.body))
    if stored.row.state in FINAL:
        return once_sent(services(), stored.row.id, shown)
    return shown


@blueprint.get("/v1/responses/<response_id>/input_items")
def list_input_items(response_id: str) -> Response:
    """List what a response was asked with."""
    query = read_query(InputItemsQuery)
    stored = find(response_id, caller().user_id)
    return answer(_page(input_items(stored.row.id, stored.body.input), query))


def _streamed(response_id: str, after: int) -> Response:
    stored = find(response_id, caller().user_id)
    call = Call.watch(services(), stored.row.id, Peer(request.environ))
    events = ResponseEvents(
        call.row.id,
        stored.body,
        after=after,
        only_end=after >= lead(stored.body) and not _is_recorded(call.row),
    )
    writer = HoldingBack(events, tooling_of(stored.body))
    return AnswerStream(services(), [call], writer, at_once=True).response()


def _is_recorded(row: JobRecord) -> bool:
    """Tell whether all of the stream is there, over which its events are counted."""
    frames = services().record.after(row.id, START) or []
    if not frames or not without_gap(frames):
        return False
    return row.state not in FINAL or frames[-1].event == EventName.END


def _page(items: list[dict[str, Any]], query: InputItemsQuery) -> dict[str, Any]:
    items = items if query.order == "asc" else items[::-1]
    if query.after is not None:
        ids = [item["id"] for item in items]
        if query.after not in ids:
            raise invalid("after", "no item of this response has this id")
        items = items[ids.index(query.after) + 1 :]
    page = items[: query.limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(items) > len(page),
    }
