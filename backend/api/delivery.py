"""Retention 0: request, result and stream go once one reader was sent all of it.

Sent is what the server has written whole: it asks a body for more only after that. A
HEAD, whose body is never asked, drops nothing, nor does a write that fails.
"""

from collections.abc import Iterator

import redis
import structlog
from flask import Response

from backend.api.container import Services
from backend.core.errors import AppError
from backend.core.streams.frames import stream_key

log = structlog.get_logger()


def once_sent(
    services: Services,
    job_id: str,
    response: Response,
    *others: str,
    kept: bool = True,
) -> Response:
    """Drop what jobs had, if nothing is kept, when this result has been sent."""
    if services.settings.payload_retention == 0 or not kept:
        body = response.get_data()
        ids = (job_id, *others)
        response.response = _then_drop(services, ids, body, kept=kept)
        # Werkzeug counts only what it can look through beforehand.
        response.content_length = len(body)
    return response


def _then_drop(
    services: Services, job_ids: tuple[str, ...], body: bytes, *, kept: bool
) -> Iterator[bytes]:
    yield body
    for job_id in job_ids:
        drop(services, job_id, kept=kept)


def drop(services: Services, job_id: str, *, kept: bool = True) -> None:
    """Drop what a job had, if nothing is kept; retention tries again if this fails.

    Args:
        services: Of this process.
        job_id: Of the job.
        kept: False if its caller does not want it kept, whatever retention says.
    """
    if services.settings.payload_retention != 0 and kept:
        return
    try:
        erase(services, job_id)
    except AppError as error:
        log.warning("payload_not_dropped", job_id=job_id, error=str(error))


def erase(services: Services, job_id: str) -> None:
    """Drop what a job had.

    Raises:
        AppError: If it is still there. A stream that is left ends by itself.
    """
    services.retention.drop_payload(job_id)
    try:
        services.redis.delete(stream_key(job_id))
    except redis.RedisError as error:
        log.warning("stream_not_dropped", job_id=job_id, error=str(error))
