"""A client's own repeats of a request, taken for the request that they repeat.

OpenAI's and Anthropic's clients give up when their timeout is over and send the same
body again, which would be another generation while the first one still runs. Who opts
in has one: the job goes on without its caller, and the repeats wait for it. What a
repeat is, the client says itself, by a number that is 0 for every new request. Under
which idempotency key the newest such request runs stands in Redis for a while; without
Redis a repeat is a request like any other.
"""

import hashlib
from typing import Any

import orjson
import redis
import structlog
from flask import g, request

from backend.api.container import services
from backend.api.errors import invalid
from backend.core.identifiers import uuid7
from backend.core.jobs.states import State
from backend.core.keys import Caller

log = structlog.get_logger()

HEADER = "X-Corral-Retry"
# The clients' own timeout is 10 minutes, and they repeat twice.
_LIFETIME_MS = 3_600_000
_FAILED = frozenset({State.FAILED, State.CANCELLED, State.EXPIRED})


def key_of_repeats(caller: Caller, body: Any) -> str | None:  # whatever JSON can hold
    """Give the idempotency key of a request and its repeats; None without opt-in.

    Raises:
        AppError: If the header says neither `attach` nor `new`.
    """
    if not _opted_in():
        return None
    if "key_of_repeats" not in g:
        g.key_of_repeats = _key(caller, body)
    key: str | None = g.key_of_repeats
    return key


def _opted_in() -> bool:
    wish = request.environ.get("HTTP_X_CORRAL_RETRY")
    if wish is None:
        return services().settings.attach_retries
    if wish not in {"attach", "new"}:
        raise invalid(HEADER, "must be attach or new")
    return bool(wish == "attach")


def _key(caller: Caller, body: Any) -> str | None:
    place = _place(caller, body)
    try:
        if _is_repeat() and (found := _running(caller, place)) is not None:
            return found
        key = f"corral-retry-{uuid7()}"
        services().redis.set(place, key, px=_LIFETIME_MS)
    except redis.RedisError as error:
        log.warning("repeats_unknown", error=str(error))
        return None
    return key


def _is_repeat() -> bool:
    count: str = request.environ.get("HTTP_X_STAINLESS_RETRY_COUNT", "0")
    # However long it is: no number is made of it.
    return count.isascii() and count.isdigit() and count.strip("0") != ""


def _running(caller: Caller, place: str) -> str | None:
    """Find the request that is repeated, unless it has failed."""
    found = services().redis.get(place)
    if not isinstance(found, bytes):
        return None
    key = found.decode()
    job = services().query.by_idempotency_key(caller.user_id, key)
    return None if job is not None and job.state in _FAILED else key


def _place(caller: Caller, body: Any) -> str:
    asked = [caller.user_id, caller.key_id, request.path, body]
    canonical = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    return f"corral:repeat:{hashlib.sha256(canonical).hexdigest()}"
