"""The one door into the queue, whatever protocol a job was asked for in."""

from contextlib import ExitStack
from dataclasses import replace

from flask import g

from backend.api.container import Services
from backend.api.limit_headers import QUEUE_LENGTH, limit_headers
from backend.core import metrics
from backend.core.errors import QueueFullError
from backend.core.jobs.records import NewJob
from backend.core.jobs.service import Submission
from backend.core.limits.decision import Allowance


def accept(services: Services, job: NewJob) -> Submission:
    """Commit a job; from here on the answer is never that it was not accepted.

    What the caller's answer shall tell of its limits, be it accepted or not, is left in
    `g.answer_headers`.

    Raises:
        AppError: Why it was not accepted; nothing is left of it.
    """
    g.answer_headers = {}
    try:
        if job.limits is None:
            submission = services.jobs.submit(job)
        else:
            submission = _accept_within(services, job, job.limits)
    except QueueFullError as error:
        g.answer_headers[QUEUE_LENGTH] = str(error.queue_length)
        known = None if job.credential is not None else services.jobs.repeated(job)
        if known is None:
            raise
        submission = known
    g.committed = True
    # Of several the first: the answer is told under its name.
    g.setdefault("job_id", submission.job_id)
    return submission


def _accept_within(services: Services, job: NewJob, limits: Allowance) -> Submission:
    """Reserve what the job may use, then commit it; a repeat reserves nothing."""
    outcome = services.reservations.reserve(limits, job.id, job.cost)
    g.answer_headers = limit_headers(outcome.accounts)
    if outcome.hindrance is not None:
        if job.credential is not None:
            # Limits of before may refuse what those of now allow: asked again (auth).
            raise outcome.hindrance.as_error()
        if (submission := services.jobs.repeated(job)) is not None:
            return submission
        metrics.record_limited(outcome.hindrance.limit)
        raise outcome.hindrance.as_error()
    lineage_id = limits.lineage_id
    with ExitStack() as undo:
        undo.callback(services.reservations.release, lineage_id, job.id)
        submission = services.jobs.submit(replace(job, limits_id=lineage_id))
        if submission.is_new:
            undo.pop_all()
    return submission
