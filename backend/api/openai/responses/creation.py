"""`POST /v1/responses`."""

from flask import Blueprint, Response

from backend.api.accepting import accept
from backend.api.answers import answer
from backend.api.auth import as_caller
from backend.api.bodies import read_as
from backend.api.calls.asking import admitted, sent_body
from backend.api.calls.holding_back import HoldingBack
from backend.api.calls.telling import streamed, told
from backend.api.container import services
from backend.api.openai.responses.answer import response
from backend.api.openai.responses.events import ResponseEvents
from backend.api.openai.responses.references import resolved
from backend.api.openai.responses.request import asked
from backend.api.openai.responses.stored import conversation_before
from backend.api.openai.responses.tooling import tooling_of
from backend.api.openai.schemas.responses import ResponseCreateParams
from backend.core.errors import PayloadExpiredError
from backend.core.jobs.records import JobRecord, NewJob, just_submitted
from backend.core.jobs.states import Protocol
from backend.core.keys import Caller

blueprint = Blueprint("openai_responses", __name__)


@blueprint.post("/v1/responses")
def create() -> Response:
    """Answer an input: whole, as it grows, or in the background."""
    return as_caller(_create)


def _create(caller: Caller) -> Response:
    sent = resolved(sent_body(), caller.user_id)
    body = read_as(ResponseCreateParams, sent)
    tools = tooling_of(body)
    before = conversation_before(body, caller.user_id)
    job = admitted(asked(body, sent, tools, before), caller, Protocol.OPENAI)
    if body.stream:
        return streamed(
            [job],
            lambda calls: HoldingBack(ResponseEvents(calls[0].row.id, body), tools),
            at_once=bool(body.background),
        )
    if body.background:
        return answer(response(_accepted(job), body))
    return told([job], lambda rows: response(rows[0], body))


def _accepted(job: NewJob) -> JobRecord:
    """Submit a job that nobody waits for; give it as it stands if it was there."""
    submission = accept(services(), job)
    if submission.is_new:
        return just_submitted(job)
    row = services().reads.require(submission.job_id, job.owner_id)
    if row.payload_expired:
        raise PayloadExpiredError
    return row
