"""What every answer of a model says of how it came about."""

import time
from datetime import timedelta

from flask import g

from backend.core.jobs.records import JobRecord

_MS = timedelta(milliseconds=1)


def serving_headers(job: JobRecord) -> dict[str, str]:
    """Tell of a job that has ended: where it ran, and what the platform added.

    The overhead is all of the caller's time but the wait in the queue and what Ollama
    itself took.
    """
    queued = 0.0 if job.started_at is None else (job.started_at - job.created_at) / _MS
    upstream = (job.timings or {}).get("total_ms", 0.0)
    overhead = max(0.0, elapsed_ms() - queued - upstream)
    return {
        "X-Corral-Model": job.served_model or job.model,
        "X-Corral-Node": job.node or "",
        "X-Corral-Queue-Ms": f"{queued:.1f}",
        "X-Corral-Overhead-Ms": f"{overhead:.1f}",
    }


def elapsed_ms() -> float:
    """Give the milliseconds since the request came."""
    return (time.perf_counter() - float(g.began)) * 1000
