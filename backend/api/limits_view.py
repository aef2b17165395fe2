"""The limits of a key or user and what is left of them now, as callers see them."""

from typing import Any

from backend.api.container import Services
from backend.core.errors import QueueUnavailableError
from backend.core.limits.decision import Limit, Limits, Standing, Subject, Whose
from backend.core.models import ApiKey, User

_UNKNOWN = {"used": None, "remaining": None, "reset_seconds": None}


def limits_of_key(services: Services, key: ApiKey) -> dict[str, Any]:
    """Show a key's own limits."""
    return limits_view(services, Subject(Whose.KEY, key.lineage_id or key.id, _of(key)))


def limits_of_user(services: Services, user: User) -> dict[str, Any]:
    """Show a user's limits."""
    return limits_view(services, Subject(Whose.USER, user.id, _of(user)))


def limits_view(services: Services, subject: Subject) -> dict[str, Any]:
    """Show the limits; without Redis nobody knows what is used, but the rest holds."""
    limits = subject.limits
    if not limits.any:
        return {name.value: None for name in Limit}
    try:
        standing = services.reservations.standing(subject)
    except QueueUnavailableError:
        return {name.value: _shown(limits, name, _UNKNOWN) for name in Limit}
    used = _used(standing)
    return {name.value: _shown(limits, name, used[name]) for name in Limit}


def _of(row: ApiKey | User) -> Limits:
    return Limits(row.rpm, row.tpm, row.daily_tokens, row.max_concurrency)


def _used(standing: Standing) -> dict[Limit, dict[str, Any]]:
    minute, today = standing.reset_ms, standing.charged + standing.reserved
    found = {
        Limit.REQUESTS: (standing.requests, minute),
        Limit.TOKENS: (standing.tokens, minute),
        Limit.DAILY_TOKENS: (today, standing.day_ms),
        Limit.CONCURRENCY: (standing.places, None),
    }
    return {
        name: {"used": used, "reset_seconds": _reset_seconds(used, reset_ms)}
        for name, (used, reset_ms) in found.items()
    }


def _reset_seconds(used: int, reset_ms: int | None) -> float | None:
    if not used:
        return 0.0
    return None if reset_ms is None else reset_ms / 1_000


def _shown(limits: Limits, name: Limit, used: dict[str, Any]) -> dict[str, Any] | None:
    limit: int | None = getattr(limits, name)
    if limit is None:
        return None
    left = None if used["used"] is None else max(0, limit - used["used"])
    return {"limit": limit, **used, "remaining": left}
