"""The one door into the queue, whatever protocol a job was asked for in."""

from flask import g

from backend.api.container import Services
from backend.core.jobs.records import NewJob
from backend.core.jobs.service import Submission


def accept(services: Services, job: NewJob) -> Submission:
    """Commit a job; from here on the answer is never that it was not accepted.

    Raises:
        AppError: Why it was not; nothing is left of it.
    """
    submission = services.jobs.submit(job)
    g.committed = True
    # Of several the first: the answer is told under its name.
    g.setdefault("job_id", submission.job_id)
    return submission
