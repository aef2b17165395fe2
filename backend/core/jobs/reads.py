"""Reading single jobs; whoever reads in the same moment shares one query."""

from collections.abc import Sequence

from backend.core.errors import JobNotFoundError
from backend.core.group_commit import GroupCommit, step_back
from backend.core.jobs.records import JobRecord
from backend.core.jobs.repository.position import JobPosition
from backend.core.jobs.repository.query import JobQuery

Found = GroupCommit[str, JobRecord | None]


class JobReads:
    """Reads jobs for many callers at once."""

    def __init__(self, query: JobQuery, position: JobPosition) -> None:
        """Keep the queries."""
        self._whole: Found = GroupCommit(
            lambda ids: _in_order(query.get_many(ids, payload=True), ids)
        )
        self._outcomes: Found = GroupCommit(
            lambda ids: _in_order(query.outcomes(ids), ids), gather=step_back
        )
        self._position = position
        self._places: GroupCommit[str, int | None] = GroupCommit(
            lambda ids: [*map(position(ids).get, ids)]
        )

    def get(self, job_id: str) -> JobRecord | None:
        """Read a job with its payload."""
        return self._whole(job_id)

    def outcome(self, job_id: str) -> JobRecord | None:
        """Read a job with its result; what was asked its caller knows."""
        return self._outcomes(job_id)

    def require(self, job_id: str, owner_id: int | None) -> JobRecord:
        """Read a job that the caller may see; `owner_id` None sees all.

        Raises:
            JobNotFoundError: If there is none, or it is another owner's.
        """
        job = self.get(job_id)
        if job is None or (owner_id is not None and job.owner_id != owner_id):
            raise JobNotFoundError
        return job

    def place(self, job_id: str) -> int | None:
        """Give a queued job's place in its lane."""
        return self._places(job_id)

    def places(self, ids: Sequence[str]) -> dict[str, int]:
        """Give the places of those of the jobs that are queued."""
        return self._position(ids)


def _in_order(found: Sequence[JobRecord], ids: Sequence[str]) -> list[JobRecord | None]:
    by_id = {job.id: job for job in found}
    return [by_id.get(job_id) for job_id in ids]
