"""`POST /v1/messages`, and what its tokens would be."""

from flask import Blueprint, Response, g, request

from backend.api.answers import answer
from backend.api.anthropic.message_answer import message
from backend.api.anthropic.message_events import MessageEvents
from backend.api.anthropic.message_request import asked, characters
from backend.api.anthropic.schemas.messages import (
    MessageCountTokensParams,
    MessageCreateParams,
)
from backend.api.auth import as_caller, caller
from backend.api.bodies import read_as, read_body
from backend.api.calls.asking import admitted, sent_body
from backend.api.calls.call import answers, begin_all
from backend.api.calls.headers import serving_headers
from backend.api.calls.stream import AnswerStream
from backend.api.container import services
from backend.api.peer import Peer
from backend.core.errors import ModelNotAllowedError
from backend.core.jobs.fair_share import estimated_cost
from backend.core.jobs.states import Protocol
from backend.core.keys import Caller

blueprint = Blueprint("anthropic", __name__, url_prefix="/v1/messages")
counting = Blueprint("anthropic_counting", __name__, url_prefix="/v1/messages")


@blueprint.post("")
def create() -> Response:
    """Answer messages."""
    return as_caller(_create)


def _create(caller: Caller) -> Response:
    body = read_as(MessageCreateParams, sent_body())
    job = admitted(asked(body), caller, Protocol.ANTHROPIC)
    peer = Peer(request.environ)
    calls = begin_all(services(), [job], peer, streamed=body.stream)
    if body.stream:
        writer = MessageEvents(
            calls[0].row.id,
            model=body.model,
            estimated_tokens=_estimate(body),
            request_id=g.request_id,
        )
        return AnswerStream(services(), calls, writer).response()
    [row] = answers(calls)
    return answer(message(row, model=body.model), headers=serving_headers(row))


@counting.post("/count_tokens")
def count_tokens() -> Response:
    """Estimate the tokens of messages."""
    body = read_body(MessageCountTokensParams)
    known = services().catalogue.require(body.model)
    if not caller().may_use(known.name):
        raise ModelNotAllowedError(f"The key may not use the model {known.name}.")
    return answer({"input_tokens": _estimate(body)})


def _estimate(body: MessageCountTokensParams) -> int:
    return estimated_cost(characters(body), 0)
