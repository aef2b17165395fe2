"""The audit log's lines: what happened to the platform, by whom."""

from datetime import UTC, datetime
from typing import Any

import orjson

from backend.core.models import Event


def event(kind: str, *, actor: str, subject: str, **data: Any) -> Event:
    """Make a line; `data` is whatever JSON can hold, and never a secret."""
    more = orjson.dumps(data).decode() if data else None
    return Event(
        at=datetime.now(UTC), kind=kind, actor=actor, subject=subject, data=more
    )
