"""Which jobs a caller may see: its own; administrators all."""

import re

from backend.api.auth import caller
from backend.api.container import services
from backend.core.errors import JobNotFoundError
from backend.core.jobs.records import JobRecord

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def visible_owner() -> int | None:
    """Give whose jobs the caller may see; None is everybody's."""
    return None if caller().is_admin else caller().user_id


def check_id(job_id: str) -> str:
    """Let an id pass that can be a job's.

    Raises:
        JobNotFoundError: If it is no id at all; nobody asks the database for it.
    """
    if _ID.fullmatch(job_id) is None:
        raise JobNotFoundError
    return job_id


def visible_job(job_id: str) -> JobRecord:
    """Read a job.

    Raises:
        JobNotFoundError: If there is none that the caller may see.
    """
    return services().reads.require(check_id(job_id), visible_owner())
