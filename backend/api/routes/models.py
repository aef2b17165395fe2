"""The models that a caller may name."""

import redis
from flask import Blueprint, Response

from backend.api.answers import listed
from backend.api.auth import caller
from backend.api.container import Services, services
from backend.api.models_view import Sources, model_views, names_of
from backend.core.cluster import Snapshot

blueprint = Blueprint("models", __name__, url_prefix="/api/v1/models")


@blueprint.get("")
def list_models() -> Response:
    """List the models, and where they are now."""
    sources = _sources(services())
    catalogue, key = services().catalogue, caller()
    names = [
        name
        for name in names_of(sources)
        if catalogue.permits_name(name) and key.may_use(name)
    ]
    return listed(model_views(sources, names))


def _sources(services: Services) -> Sources:
    known = services.catalogue.read()
    return Sources(
        known={name: m for name, m in known.items() if services.catalogue.permits(m)},
        installed=services.catalogue.installed(),
        snapshots=_snapshots(services),
        pulls=services.query.running_pulls(),
    )


def _snapshots(services: Services) -> list[Snapshot] | None:
    try:
        return services.cluster.snapshots()
    except redis.RedisError:
        # MySQL knows what was on disk; chats are accepted without Redis, too.
        return None
