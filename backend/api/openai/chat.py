"""`POST /v1/chat/completions`."""

from flask import Blueprint, Response

from backend.api.auth import as_caller
from backend.api.bodies import read_as
from backend.api.calls.asking import admitted, sent_body, several
from backend.api.calls.holding_back import HoldingBack
from backend.api.calls.telling import streamed, told
from backend.api.openai.chat_answer import Wanted, completion
from backend.api.openai.chat_chunks import Chunks
from backend.api.openai.chat_request import asked
from backend.api.openai.schemas.chat import ChatCompletionRequest
from backend.api.openai.tool_choice import tooling_of
from backend.core.jobs.states import Protocol
from backend.core.keys import Caller

blueprint = Blueprint("openai_chat", __name__)


@blueprint.post("/v1/chat/completions")
@blueprint.post("/api/v1/chat/completions")
def create() -> Response:
    """Answer a chat."""
    return as_caller(_create)


def _create(caller: Caller) -> Response:
    body = read_as(ChatCompletionRequest, sent_body())
    tools = tooling_of(body)
    job = admitted(asked(body, tools), caller, Protocol.OPENAI)
    jobs = several([job], body.n or 1)
    wanted = Wanted(
        body.model, tools, logprobs=bool(body.logprobs), usage=body.with_usage
    )
    if body.streamed:
        return streamed(
            jobs,
            lambda calls: HoldingBack(
                Chunks(calls[0].row.id, wanted, times=len(calls)),
                tools,
                times=len(calls),
            ),
        )
    return told(jobs, lambda rows: completion(rows, wanted))
