"""The names of responses and of their items: all are made of the job's id (pure)."""

import re

from backend.core.errors import ResponseNotFoundError

_RESPONSE = re.compile(r"resp_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{16})")


def response_id(job_id: str) -> str:
    """Name a response after its job."""
    return f"resp_{digits(job_id)}"


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


def item_id(kind: str, job_id: str, number: int) -> str:
    """Name one item of what was asked or answered."""
    return f"{kind}_{digits(job_id)}_{number}"


def made_at(job_id: str) -> int:
    """Tell when a job was made, in Unix seconds: its id begins with that."""
    return int(digits(job_id)[:12], 16) // 1000


def digits(job_id: str) -> str:
    """Leave the hyphens out of an id."""
    return job_id.replace("-", "")
