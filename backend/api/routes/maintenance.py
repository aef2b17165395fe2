"""Scheduled maintenance: what ran last, and running it by hand."""

from http import HTTPStatus
from typing import Any

import orjson
import redis
from flask import Blueprint, Response
from kombu.exceptions import OperationalError as BrokerError

from backend.api.answers import answer, listed
from backend.api.container import services
from backend.core.broker import send_maintenance
from backend.core.errors import NotFoundError, QueueUnavailableError
from backend.core.models import MaintenanceRun
from backend.core.names import MAINTENANCE_TASKS

blueprint = Blueprint("maintenance", __name__, url_prefix="/api/v1/maintenance")


@blueprint.get("")
def list_runs() -> Response:
    """List the last run of each task."""
    runs = {run.name: run for run in services().maintenance.runs()}
    return listed([_view(name, runs.get(name)) for name in MAINTENANCE_TASKS])


@blueprint.post("/<name>/run")
def run(name: str) -> Response:
    """Run a task now; its row tells what came of it."""
    if name not in MAINTENANCE_TASKS:
        raise NotFoundError(f"The tasks are {', '.join(MAINTENANCE_TASKS)}.")
    try:
        send_maintenance(services().celery, MAINTENANCE_TASKS[name])
    except (BrokerError, redis.RedisError) as error:
        raise QueueUnavailableError(retry_after=5) from error
    return answer({"name": name, "status": "sent"}, HTTPStatus.ACCEPTED)


def _view(name: str, run: MaintenanceRun | None) -> dict[str, Any]:
    fields = ("started_at", "finished_at", "duration_ms", "outcome")
    shown: dict[str, Any] = {field: getattr(run, field, None) for field in fields}
    detail = orjson.loads(run.detail) if run and run.detail else None
    return {"name": name, **shown, "detail": detail}
