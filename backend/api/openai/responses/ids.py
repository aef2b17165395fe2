"""The names of responses, and the jobs that they are names of (pure)."""

import re

from backend.api.calls.ids import answer_id
from backend.core.errors import ResponseNotFoundError

_RESPONSE = re.compile(r"resp_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{16})")


def response_id(job_id: str) -> str:
    """Name a response after its job."""
    return answer_id("resp_", job_id)


def job_id_of(name: str) -> str:
    """Read the job's id in a response's name.

    Raises:
        ResponseNotFoundError: If it is no such name; nobody asks the database for it.
    """
    match = _RESPONSE.fullmatch(name)
    if match is None:
        raise ResponseNotFoundError
    *first, last = match.groups()
    return "-".join([*first, last[:4], last[4:]])
