"""`POST /api/v1/jobs`."""

from typing import Any

from flask import Blueprint, Response, g, request

from backend.api.admission import Envelope
from backend.api.auth import as_caller
from backend.api.bodies import read_json
from backend.api.container import services
from backend.api.hooks import traceparent
from backend.api.peer import Peer
from backend.api.submitting import Submitter
from backend.api.wishes import preferred_wait, wants_stream
from backend.core.errors import DrainingError
from backend.core.keys import Caller

blueprint = Blueprint("submission", __name__, url_prefix="/api/v1/jobs")


@blueprint.post("")
def submit() -> Response:
    """Accept a job; wait for it, or stream it, if the caller asks so."""
    if services().draining.is_set():
        raise DrainingError(retry_after=1)
    return as_caller(_submit)


def _submit(caller: Caller) -> Response:
    streamed, seconds = wants_stream(), preferred_wait()
    job = services().admission.admit(_body(), caller, _envelope())
    submitter = Submitter(services(), Peer(request.environ))
    if streamed:
        return submitter.stream(job)
    if seconds is None:
        return submitter.accept(job)
    return submitter.wait(job, seconds=seconds)


def _body() -> Any:  # whatever JSON can hold
    if "body" not in g:
        g.body = read_json()
    return g.body


def _envelope() -> Envelope:
    return Envelope(
        request_id=g.request_id,
        traceparent=traceparent(),
        idempotency_key=request.environ.get("HTTP_IDEMPOTENCY_KEY"),
    )
