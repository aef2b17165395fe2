"""`POST /api/v1/jobs`, and what its callers may do to their own jobs."""

from flask import Blueprint, Response, g, request

from backend.api.admission import Envelope
from backend.api.answers import answer
from backend.api.auth import caller
from backend.api.container import services
from backend.api.hooks import traceparent
from backend.api.job_view import view
from backend.api.limits import read_json
from backend.api.peer import Peer
from backend.api.submitting import Submitter
from backend.api.visible import visible_job
from backend.api.wishes import preferred_wait, wants_stream
from backend.core.errors import DrainingError

blueprint = Blueprint("submission", __name__, url_prefix="/api/v1/jobs")


@blueprint.post("")
def submit() -> Response:
    """Accept a job; wait for it, or stream it, if the caller asks so."""
    if services().draining.is_set():
        raise DrainingError(retry_after=1)
    streamed, seconds = wants_stream(), preferred_wait()
    job = services().admission.admit(read_json(), caller(), _envelope())
    submitter = Submitter(services(), caller(), Peer(request.environ))
    if streamed:
        return submitter.stream(job)
    if seconds is None:
        return submitter.accept(job)
    return submitter.wait(job, seconds=seconds)


def _envelope() -> Envelope:
    return Envelope(
        request_id=g.request_id,
        traceparent=traceparent(),
        idempotency_key=request.environ.get("HTTP_IDEMPOTENCY_KEY"),
    )


@blueprint.post("/<job_id>/cancel")
def cancel(job_id: str) -> Response:
    """Ask for a job to be stopped."""
    job = services().jobs.cancel(visible_job(job_id))
    return answer(view(job))
