"""Running a failed job again, for administrators."""

from http import HTTPStatus

from flask import Blueprint, Response, g

from backend.api.accepting import accept
from backend.api.answers import answer
from backend.api.container import services
from backend.api.job_view import location, view
from backend.api.visible import visible_job
from backend.core.errors import JobNotFoundError

blueprint = Blueprint("replays", __name__, url_prefix="/api/v1/jobs")


@blueprint.post("/<job_id>/replay")
def replay(job_id: str) -> Response:
    """Submit a failed or expired job again, as a new job of its owner."""
    new = services().jobs.again(visible_job(job_id), request_id=g.request_id)
    again = accept(services(), new)
    job = services().reads.get(again.job_id)
    if job is None:
        raise JobNotFoundError
    headers = {"Location": location(job.id)}
    return answer(view(job), HTTPStatus.ACCEPTED, headers)
