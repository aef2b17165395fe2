"""How a key stands, as tests say it."""

from typing import Any

from backend.core.limits.decision import (
    Balance,
    Limits,
    Standing,
    Subject,
    Whose,
)

HOUR_MS = 3_600_000


def standing(**over: Any) -> Standing:
    """Make a standing that uses nothing but what is said, an hour before midnight."""
    nothing = dict.fromkeys(Standing.__slots__, 0)
    return Standing(**(nothing | {"day_ms": HOUR_MS} | over))


def balance(limits: Limits, used: Standing, whose: Whose = Whose.KEY) -> Balance:
    return Balance(Subject(whose, 1, limits), used)
