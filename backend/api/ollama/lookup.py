"""What must be there before Ollama's addresses can answer: a model, the nodes' word."""

import redis

from backend.api.container import services
from backend.api.ollama.admitting import not_found
from backend.core.catalogue import KnownModel
from backend.core.cluster import Snapshot
from backend.core.errors import (
    ModelNotAllowedError,
    ModelNotFoundError,
    QueueUnavailableError,
)
from backend.core.keys import Caller


def known_model(name: str, caller: Caller) -> KnownModel:
    """Find a model that the caller may use.

    Raises:
        AppError: If there is none.
    """
    try:
        known = services().catalogue.require(name)
    except ModelNotFoundError:
        raise not_found(name) from None
    if not caller.may_use(known.name):
        raise ModelNotAllowedError(f"The key may not use the model {known.name}.")
    return known


def snapshots() -> list[Snapshot]:
    """Read what the nodes say.

    Raises:
        QueueUnavailableError: If nobody can tell; that is not "no nodes".
    """
    try:
        return services().cluster.snapshots()
    except redis.RedisError as error:
        raise QueueUnavailableError(
            "Redis cannot be reached, so nobody can say what the nodes have.",
            retry_after=1,
        ) from error
