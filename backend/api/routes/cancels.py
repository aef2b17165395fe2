"""Cancelling a job."""

from flask import Blueprint, Response

from backend.api.answers import answer
from backend.api.container import services
from backend.api.job_view import view
from backend.api.visible import visible_job

blueprint = Blueprint("cancels", __name__, url_prefix="/api/v1/jobs")


@blueprint.post("/<job_id>/cancel")
def cancel(job_id: str) -> Response:
    """Ask for a job to be stopped."""
    job = services().jobs.cancel(visible_job(job_id))
    return answer(view(job))
