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
    services: Services, job_id: str, response: Response, *others: str
) -> Response:
    """Drop what jobs had, if nothing is kept, when this result has been sent."""
    if services.settings.payload_retention == 0:
        body = response.get_data()
        response.response = _then_drop(services, (job_id, *others), body)
        # Werkzeug counts only what it can look through beforehand.
        response.content_length = len(body)
    return response


def _then_drop(
    services: Services, job_ids: tuple[str, ...], body: bytes
) -> Iterator[bytes]:
    yield body
    for job_id in job_ids:
        drop(services, job_id)


def drop(services: Services, job_id: str) -> None:
    """Drop what a job had, if nothing is kept; retention tries again if this fails."""
    if services.settings.payload_retention != 0:
        return
    try:
        services.retention.drop_payload(job_id)
        services.redis.delete(stream_key(job_id))
    except (AppError, redis.RedisError) as error:
        log.warning("payload_not_dropped", job_id=job_id, error=str(error))
