"""Usage, summed the slow way."""

from collections import Counter
from dataclasses import fields
from typing import Any

from backend.core.jobs.states import FINAL
from backend.core.models import Job
from backend.core.usage.sums import Counts

COUNTS = [field.name for field in fields(Counts)]
# What a group is called in an answer, and in a job's row.
COLUMNS = {
    "key": ("key_id", lambda job: job.key_id),
    "user": ("user_id", lambda job: job.owner_id),
    "model": ("model", lambda job: job.served_model or job.model),
    "node": ("node", lambda job: job.node),
    "kind": ("kind", lambda job: job.kind),
    "protocol": ("protocol", lambda job: job.protocol),
    "hour": ("hour", lambda job: f"{job.finished_at:%Y-%m-%dT%H:00:00Z}"),
    "day": ("day", lambda job: f"{job.finished_at:%Y-%m-%d}"),
}


def summed(jobs: list[Job]) -> dict[str, int]:
    """Count jobs the slow way."""
    states = Counter(job.state for job in jobs)
    counts = {state.value: states[state.value] for state in FINAL}
    prompt = sum(job.prompt_tokens or 0 for job in jobs)
    completion = sum(job.completion_tokens or 0 for job in jobs)
    return counts | {
        "requests": len(jobs),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def grouped(jobs: list[Job], names: tuple[str, ...]) -> dict[Any, dict[str, int]]:
    by: dict[Any, list[Job]] = {}
    for job in jobs:
        by.setdefault(tuple(COLUMNS[name][1](job) for name in names), []).append(job)
    return {group: summed(members) for group, members in by.items()}


def lines_of(report: Any, names: tuple[str, ...]) -> dict[Any, dict[str, int]]:
    """Take the lines of an answer apart into groups and counts."""
    fields = [COLUMNS[name][0] for name in names]
    counts = (*COUNTS, "total_tokens")
    return {
        tuple(line[field] for field in fields): {name: line[name] for name in counts}
        for line in report["data"]
    }
