"""Whether the API lives, and whether it can do its work."""

from http import HTTPStatus

import redis
from flask import Blueprint, Response
from sqlalchemy import text

from backend.api.answers import answer
from backend.api.container import Services, services
from backend.core.db import transaction
from backend.core.errors import AppError
from backend.core.version import VERSION

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@blueprint.get("/health/live")
def live() -> Response:
    """Say that the process answers."""
    return answer({"status": "ok", "service": "api", "version": VERSION})


@blueprint.get("/health/ready")
def ready() -> Response:
    """Ask the database and Redis, and say which one fails."""
    checks = {
        "database": _database(services()),
        "redis": _redis(services()),
        "draining": "yes" if services().draining.is_set() else "no",
    }
    fine = checks == {"database": "ok", "redis": "ok", "draining": "no"}
    body = {"status": "ok" if fine else "unavailable", "checks": checks}
    return answer(body, HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE)


def _database(services: Services) -> str:
    try:
        with transaction(services.database.sessions) as session:
            session.execute(text("SELECT 1"))
    except AppError as error:
        return error.code
    return "ok"


def _redis(services: Services) -> str:
    try:
        services.redis.ping()
    except redis.RedisError as error:
        return type(error).__name__
    return "ok"
