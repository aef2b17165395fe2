"""Reading jobs: one, many, and their events."""

from contextlib import ExitStack

from flask import Blueprint, Response, request

from backend.api.answers import answer, listed
from backend.api.auth import caller
from backend.api.bodies import read_query
from backend.api.container import services
from backend.api.delivery import once_sent
from backend.api.job_view import view
from backend.api.peer import Peer
from backend.api.polling import poll
from backend.api.presence import Presence
from backend.api.schemas.queries import EventsQuery, JobsQuery, TokensQuery
from backend.api.sse import EventStream, stream_response
from backend.api.visible import check_id, visible_job, visible_owner
from backend.api.wishes import require_stream
from backend.core.errors import PayloadExpiredError
from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import FINAL, OnDisconnect
from backend.core.streams.frames import START, EntryId, EventName

_HEADER = "Last-Event-ID"

blueprint = Blueprint("jobs", __name__, url_prefix="/api/v1/jobs")


@blueprint.get("/<job_id>")
def get(job_id: str) -> Response:
    """Show a job with its request and result."""
    job = visible_job(job_id)
    position = None if job.state in FINAL else services().reads.place(job.id)
    eta = services().forecast.eta_seconds(job.model, position)
    shown = view(job, position=position, eta_seconds=eta, whole=True)
    response = answer(shown)
    if job.state in FINAL:
        return once_sent(services(), job.id, response)
    return response


@blueprint.get("")
def list_jobs() -> Response:
    """List jobs, newest first."""
    query = read_query(JobsQuery)
    owner_id = caller().user_id if query.mine else visible_owner()
    jobs = services().query.page(
        query.filters(owner_id), limit=query.limit, after=query.after
    )
    places = services().reads.places([job.id for job in jobs])
    shown = [view(job, position=places.get(job.id)) for job in jobs]
    return listed(shown, jobs[-1].id if len(jobs) == query.limit else None)


@blueprint.get("/<job_id>/events")
def events(job_id: str) -> Response:
    """Stream a job's events, from the beginning or after the last one heard."""
    require_stream()
    after = _last_event_id()
    with ExitStack() as opened:
        box = opened.enter_context(services().jobs.mailbox(check_id(job_id)))
        job = _with_payload(visible_job(job_id))
        stream = EventStream(
            services(),
            box,
            job,
            Presence(
                services(),
                job.id,
                Peer(request.environ),
                on_disconnect=_on_disconnect(job),
            ),
            opened=opened,
            after=after,
            position=services().reads.place(job.id) if job.state not in FINAL else None,
        )
    return stream_response(stream, {})


@blueprint.get("/<job_id>/tokens")
def tokens(job_id: str) -> Response:
    """Give a job's events after a place, waiting a while if there is none yet."""
    query = read_query(TokensQuery)
    after = START if query.after is None else EntryId.parse(query.after, field="after")
    with services().jobs.mailbox(check_id(job_id)) as box:
        job = _with_payload(visible_job(job_id))
        told = poll(
            services(), box, job, Peer(request.environ), after=after, wait_ms=query.wait
        )
    response = answer(told)
    if told["events"][-1]["event"] == EventName.END:
        return once_sent(services(), job.id, response)
    return response


def _with_payload(job: JobRecord) -> JobRecord:
    if job.payload_expired:
        raise PayloadExpiredError
    return job


def _on_disconnect(job: JobRecord) -> OnDisconnect:
    """Tell what the caller's leaving means: whoever only watches counts for nothing."""
    is_owner = job.owner_id == caller().user_id
    return job.on_disconnect if is_owner else OnDisconnect.CONTINUE


def _last_event_id() -> EntryId:
    query = read_query(EventsQuery)
    if sent := request.headers.get(_HEADER):
        return EntryId.parse(sent, field=_HEADER)
    if query.last_event_id is None:
        return START
    return EntryId.parse(query.last_event_id, field="last_event_id")
