"""A key as the API shows it: never its secret."""

from typing import Any

from backend.core.models import ApiKey
from backend.core.scopes import in_order

_SHOWN = (
    "id",
    "made_with",
    "name",
    "prefix",
    "scopes",
    "highest_priority",
    "allowed_models",
    "weight",
    "rpm",
    "tpm",
    "daily_tokens",
    "max_concurrency",
    "created_at",
    "expires_at",
    "last_used_at",
    "disabled_at",
)


def key_view(key: ApiKey, *, user: str) -> dict[str, Any]:
    """Show a key and whose it is."""
    shown = {name: getattr(key, name) for name in _SHOWN}
    shown["scopes"] = in_order(key.scopes)
    return shown | {"user": user, "lineage_id": key.lineage_id or key.id}
