"""What a key that a user makes for itself may do; pure but for the row it reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.core.accounts.roles import narrowed
from backend.core.bounds import common, lower
from backend.core.errors import FieldError, InvalidRequestError
from backend.core.jobs.states import Priority
from backend.core.models import ApiKey, User
from backend.core.scopes import Scope, in_order

# What a new key takes over as it is.
_INHERITED = ("weight", "rpm", "tpm", "daily_tokens", "max_concurrency")


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What a user wants of a key; None is as much as there is to have."""

    name: str
    scopes: Sequence[Scope] | None = None
    allowed_models: Sequence[str] | None = None
    highest_priority: Priority | None = None
    expires_at: datetime | None = None


def granted(wish: KeyWish, parent: ApiKey, user: User) -> dict[str, Any]:
    """Give the columns of a new key: what is wished, within what its parent may.

    It shares the parent's limits, so that more keys are not more than one. What the
    user may bounds it, as it does every key, whenever it is used.

    Raises:
        InvalidRequestError: If it would be more; each field with what is allowed.
    """
    errors = tuple(_excess(wish, parent, user))
    if errors:
        first = errors[0]
        raise InvalidRequestError(f"{first.field}: {first.message}", errors=errors)
    scopes = narrowed(parent.scopes, user.role) if wish.scopes is None else wish.scopes
    highest, models = wish.highest_priority, wish.allowed_models
    return {name: getattr(parent, name) for name in _INHERITED} | {
        "name": wish.name,
        "scopes": [*map(str, in_order(scopes))],
        "highest_priority": (
            parent.highest_priority if highest is None else highest.label
        ),
        "allowed_models": parent.allowed_models if models is None else list(models),
        "expires_at": wish.expires_at or parent.expires_at,
        "lineage_id": parent.lineage_id or parent.id,
        "made_with": parent.id,
    }


def _excess(wish: KeyWish, parent: ApiKey, user: User) -> Iterable[FieldError]:
    able = narrowed(parent.scopes, user.role)
    if not set(wish.scopes or ()) <= set(able):
        yield FieldError("scopes", f"you have only {', '.join(able) or 'none'}")
    allowed = common(parent.allowed_models, user.allowed_models)
    if allowed is not None and not set(wish.allowed_models or ()) <= set(allowed):
        yield FieldError("allowed_models", f"you have only {', '.join(allowed)}")
    highest = Priority.of(lower(parent.highest_priority, user.highest_priority))
    if wish.highest_priority is not None and wish.highest_priority > highest:
        yield FieldError("highest_priority", f"yours is {highest.label}")
    end = parent.expires_at
    if end is not None and wish.expires_at is not None and wish.expires_at > end:
        yield FieldError("expires_at", f"your own key ends {end.isoformat()}")
