"""How a key stands, as tests say it."""

from typing import Any

from backend.core.limits.decision import Standing

HOUR_MS = 3_600_000


def standing(**over: Any) -> Standing:
    """Make a standing that uses nothing but what is said, an hour before midnight."""
    nothing = dict.fromkeys(Standing.__slots__, 0)
    return Standing(**(nothing | {"day_ms": HOUR_MS} | over))
