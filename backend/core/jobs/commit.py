"""Committing new jobs: what comes together is one transaction, and is announced after.

Jobs of one request are committed together or not at all. Those of several requests
share a transaction too, but none of them fails for another's sake (`GroupCommit`).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import redis
import structlog
from kombu.exceptions import OperationalError as BrokerError

from backend.core import metrics
from backend.core.credential import CallerChangedError
from backend.core.group_commit import GroupCommit, step_back
from backend.core.jobs.records import Due, NewJob
from backend.core.jobs.repository.insert import BAD_ROW, JobInsert
from backend.core.names import NODE_LANES
from backend.core.queue import Announcer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a submission; if it is not new, another's has its key."""

    is_new: bool
    handed_over: bool = False


class JobCommit:
    """Commits the jobs of a request, beside those of others that come meanwhile."""

    def __init__(self, insert: JobInsert, announcer: Announcer) -> None:
        """Keep who writes jobs and who tells of them."""
        self._insert = insert
        self._announcer = announcer
        self._together: GroupCommit[Sequence[NewJob], list[Accepted]] = GroupCommit(
            self._commit,
            split_on=(*BAD_ROW, CallerChangedError),
            size=_bytes,
            gather=step_back,
        )

    def __call__(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        """Commit jobs: all of them, or none.

        Raises:
            IntegrityError: If an idempotency key is taken.
            CallerChangedError: If their credential does not hold any more.
            DatabaseUnavailableError: If they could not be committed.
        """
        return self._together(jobs)

    def _commit(self, groups: Sequence[Sequence[NewJob]]) -> list[list[Accepted]]:
        """Commit what was submitted together, then announce it."""
        jobs = [job for group in _without_repeats(groups) for job in group]
        self._insert(jobs)
        handed, new = self._announce(jobs), {job.id for job in jobs}
        return [
            [Accepted(job.id in new, handed_over=job.id in handed) for job in group]
            for group in groups
        ]

    def _announce(self, jobs: Sequence[NewJob]) -> set[str]:
        by_model: dict[str, list[NewJob]] = defaultdict(list)
        for job in jobs:
            if not job.lane.startswith(NODE_LANES):
                by_model[job.model].append(job)
        handed: set[str] = set()
        for model, members in by_model.items():
            given = self._tell(model, [_due(job) for job in members])
            handed.update(job.id for job in members[:given])
        return handed

    def _tell(self, model: str, due: Sequence[Due]) -> int:
        try:
            return self._announcer.announce(model, due)
        except (redis.RedisError, BrokerError) as error:
            # They are committed; recovery sends the tickets when Redis is back.
            metrics.record_announce_failure()
            log.warning("announce_failed", model=model, jobs=len(due), error=str(error))
            return 0


def _without_repeats(groups: Sequence[Sequence[NewJob]]) -> Iterator[Sequence[NewJob]]:
    """Leave out each request of which a job has the key of one before it, whole.

    It may be another one under the same key, of which nothing may be committed.
    """
    taken: set[object] = set()
    for group in groups:
        wishes = {_wish(job) for job in group}
        if taken.isdisjoint(wishes):
            taken |= wishes
            yield group


def _wish(job: NewJob) -> object:
    """Tell submissions apart that are to become different jobs."""
    return job.owner_id, job.idempotency_key or job.id, job.credential


def _bytes(jobs: Sequence[NewJob]) -> int:
    return sum(len(job.request) + len(job.original or b"") for job in jobs)


def _due(job: NewJob) -> Due:
    return Due(
        id=job.id,
        attempt=0,
        failures=0,
        kind=job.kind,
        model=job.model,
        requested_model=job.requested_model,
        request=job.request,
        deadline_ms=job.deadline_ms,
        request_id=job.request_id,
        traceparent=job.traceparent,
        limits_id=job.limits_id,
    )
