"""`POST /v1/messages`, and what its tokens would be."""

from flask import Blueprint, Response, g

from backend.api.answers import answer
from backend.api.anthropic.message_answer import message
from backend.api.anthropic.message_events import MessageEvents
from backend.api.anthropic.message_request import asked, characters, tooling_of
from backend.api.anthropic.schemas.messages import (
    MessageCountTokensParams,
    MessageCreateParams,
)
from backend.api.auth import as_caller, caller
from backend.api.bodies import read_as, read_body
from backend.api.calls.asking import admitted, sent_body
from backend.api.calls.holding_back import HoldingBack
from backend.api.calls.telling import streamed, told
from backend.api.container import services
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
    tools = tooling_of(body)
    jobs = [admitted(asked(body, tools), caller, Protocol.ANTHROPIC)]
    if not body.stream:
        return told(jobs, lambda rows: message(rows[0], tools, model=body.model))
    request_id, tokens = g.request_id, _estimate(body)
    return streamed(
        jobs,
        lambda calls: HoldingBack(
            MessageEvents(
                calls[0].row.id,
                model=body.model,
                estimated_tokens=tokens,
                request_id=request_id,
            ),
            tools,
        ),
    )


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
