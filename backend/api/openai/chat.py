"""`POST /v1/chat/completions`."""

from flask import Blueprint, Response, request

from backend.api.answers import answer
from backend.api.auth import as_caller
from backend.api.calls.asking import admitted, repeated, sent_body
from backend.api.calls.call import answers, begin_all
from backend.api.calls.headers import serving_headers
from backend.api.calls.stream import AnswerStream
from backend.api.container import services
from backend.api.openai.chat_answer import Chunks, completion
from backend.api.openai.chat_request import asked
from backend.api.openai.reading import read
from backend.api.openai.schemas.chat import ChatCompletionRequest
from backend.api.peer import Peer
from backend.core.jobs.states import Protocol
from backend.core.keys import Caller

blueprint = Blueprint("openai_chat", __name__)


@blueprint.post("/v1/chat/completions")
@blueprint.post("/api/v1/chat/completions")
def create() -> Response:
    """Answer a chat."""
    return as_caller(_create)


def _create(caller: Caller) -> Response:
    body = read(ChatCompletionRequest, sent_body())
    jobs = repeated(admitted(asked(body), caller, Protocol.OPENAI), body.n or 1)
    streamed = bool(body.stream)
    calls = begin_all(
        services(),
        jobs,
        Peer(request.environ),
        limits=caller.limits,
        streamed=streamed,
    )
    if streamed:
        writer = Chunks(
            calls[0].row.id,
            model=body.model,
            times=len(calls),
            usage=bool(body.stream_options and body.stream_options.include_usage),
        )
        return AnswerStream(services(), calls, writer).response()
    rows = answers(calls)
    shown = completion(rows, model=body.model)
    return answer(shown, headers=serving_headers(rows[0]))
