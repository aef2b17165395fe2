"""A job as the native API shows it (JOBS.md 6): plain dicts, the hot path's form."""

from typing import Any

from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import State

JOBS_PATH = "/api/v1/jobs"


def location(job_id: str) -> str:
    """Give a job's address."""
    return f"{JOBS_PATH}/{job_id}"


def view(
    job: JobRecord,
    *,
    position: int | None = None,
    eta_seconds: float | None = None,
    whole: bool = False,
) -> dict[str, Any]:
    """Show a job; `whole` with its request, while that is kept."""
    queued = job.state is State.QUEUED
    here = location(job.id)
    shown: dict[str, Any] = {
        "id": job.id,
        "kind": job.kind,
        "model": job.requested_model,
        "served_model": job.served_model,
        "state": job.state,
        "attempt": job.attempt,
        "failures": job.failures,
        "priority": job.priority.label,
        "position": position if queued else None,
        "eta_seconds": eta_seconds if queued else None,
        "node": job.node,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "first_token_at": job.first_token_at,
        "finished_at": job.finished_at,
        "result": job.result,
        "usage": {
            "prompt_tokens": job.prompt_tokens,
            "completion_tokens": job.completion_tokens,
        },
        "timings": job.timings,
        "error": job.error,
        "metadata": job.metadata,
        "links": {
            "self": here,
            "events": f"{here}/events",
            "cancel": f"{here}/cancel",
        },
    }
    if job.progress is not None:
        shown["progress"] = job.progress
    if job.replay_of is not None:
        shown["replay_of"] = job.replay_of
    if whole and job.request is not None:
        shown["request"] = job.request
    return shown
