"""The names of answers and of their parts: all are made of the job's id (pure)."""

from backend.core.identifiers import made_at_ms


def answer_id(prefix: str, job_id: str) -> str:
    """Name an answer after its job."""
    return f"{prefix}{job_id.replace('-', '')}"


def part_id(prefix: str, job_id: str, number: int) -> str:
    """Name one part of what was asked or answered: an item, or a tool's call."""
    return f"{answer_id(prefix, job_id)}_{number}"


def made_at(job_id: str) -> int:
    """Tell when a job was made, in Unix seconds."""
    return made_at_ms(job_id) // 1000
