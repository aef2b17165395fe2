"""The one door into the queue, whatever protocol a job was asked for in."""

from collections.abc import Sequence
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

    Raises:
        AppError: Why it was not accepted; nothing is left of it.
    """
    return accept_all(services, [job])[0]


def accept_all(services: Services, jobs: Sequence[NewJob]) -> list[Submission]:
    """Commit the jobs of one request: all of them, or none.

    What the caller's answer shall tell of its limits, be they accepted or not, is left
    in `g.answer_headers`.

    Raises:
        AppError: Why they were not accepted; nothing is left of any.
    """
    g.answer_headers = {}
    limits = jobs[0].limits
    try:
        if limits is None:
            submissions = services.jobs.submit_all(jobs)
        else:
            submissions = _accept_within(services, jobs, limits)
    except QueueFullError as error:
        g.answer_headers[QUEUE_LENGTH] = str(error.queue_length)
        known = _repeated(services, jobs)
        if known is None:
            raise
        submissions = known
    g.committed = True
    # Of several the first: the answer is told under its name.
    g.setdefault("job_id", submissions[0].job_id)
    return submissions


def _accept_within(
    services: Services, jobs: Sequence[NewJob], limits: Allowance
) -> list[Submission]:
    """Reserve what the jobs may use, then commit them; a repeat reserves nothing."""
    costs = {job.id: job.cost for job in jobs}
    verdict = services.reservations.reserve(limits, costs)
    g.answer_headers = limit_headers(verdict.balances)
    if verdict.hindrance is not None:
        if (known := _repeated(services, jobs)) is not None:
            return known
        if jobs[0].credential is None:
            metrics.record_limited(verdict.hindrance.limit)
        raise verdict.hindrance.as_error()
    lineage_id = limits.lineage_id
    unused = set(costs)
    with ExitStack() as end:
        end.callback(services.reservations.release, lineage_id, unused)
        held = [replace(job, limits_id=lineage_id) for job in jobs]
        submissions = services.jobs.submit_all(held)
        unused.difference_update(one.job_id for one in submissions if one.is_new)
    return submissions


def _repeated(services: Services, jobs: Sequence[NewJob]) -> list[Submission] | None:
    """Find the jobs of a request that is only repeated; None if it is a new one.

    Whoever is only remembered is told nothing: limits of before may refuse what those
    of now allow, so it is asked again as who it is (auth).
    """
    if jobs[0].credential is not None:
        return None
    known = [found for job in jobs if (found := services.jobs.repeated(job))]
    return known if len(known) == len(jobs) else None
