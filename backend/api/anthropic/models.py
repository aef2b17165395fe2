"""The models that a key may use, as Anthropic lists them (pure)."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from backend.core.catalogue import KnownModel

Json = dict[str, Any]


def page(models: Sequence[Json]) -> Json:
    """List models; there is one page."""
    return {
        "data": models,
        "has_more": False,
        "first_id": models[0]["id"] if models else None,
        "last_id": models[-1]["id"] if models else None,
    }


def info(known: KnownModel, name: str) -> Json:
    """Show a model under the name that it was asked by."""
    return {
        "id": name,
        "type": "model",
        "display_name": known.name,
        "created_at": known.created_at.astimezone(UTC),
        "lifecycle": "active",
    }
