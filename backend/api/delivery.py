"""Retention 0: request, result and stream go once one reader was sent all of it."""

import redis
import structlog
from flask import Response

from backend.api.container import Services
from backend.core.errors import AppError
from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import FINAL
from backend.core.streams.frames import stream_key

log = structlog.get_logger()


def once_sent(services: Services, job: JobRecord, response: Response) -> Response:
    """Drop what a job had, if nothing is kept, when this answer has been sent."""
    if services.settings.payload_retention == 0 and job.state in FINAL:
        response.call_on_close(lambda: drop(services, job.id))
    return response


def drop(services: Services, job_id: str) -> None:
    """Drop what a job had, if nothing is kept; retention tries again if this fails."""
    if services.settings.payload_retention != 0:
        return
    try:
        services.retention.drop_payload(job_id)
        services.redis.delete(stream_key(job_id))
    except (AppError, redis.RedisError) as error:
        log.warning("payload_not_dropped", job_id=job_id, error=str(error))
