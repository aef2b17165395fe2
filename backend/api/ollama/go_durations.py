"""Go's durations, and Ollama's `keep_alive`, which is one or a number (pure).

Ollama takes seconds as a number and durations as a text; `"300"` and `"-1"` are
neither, and clients are told so in Go's words.
"""

import re
from typing import Any

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)")


def duration_seconds(text: str) -> float:
    """Read a duration such as `1h30m`, as Go does.

    Raises:
        ValueError: If it is none, in Go's words.
    """
    unsigned = text[1:] if text[:1] in {"-", "+"} else text
    if unsigned == "0":
        return 0.0
    parts = _PART.findall(unsigned)
    if not parts or "".join(map("".join, parts)) != unsigned:
        raise ValueError(f'time: invalid duration "{text}"')
    seconds = sum(float(number) * _unit(unit, text) for number, unit in parts)
    return -seconds if text.startswith("-") else seconds


def _unit(unit: str, text: str) -> float:
    if not unit:
        raise ValueError(f'time: missing unit in duration "{text}"')
    if unit not in _UNITS:
        raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
    return _UNITS[unit]


def keep_alive_seconds(value: Any) -> float | None:  # whatever JSON can hold
    """Read `keep_alive`: seconds, negative for ever; None if nothing was said.

    Raises:
        ValueError: If it is neither number nor duration.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return duration_seconds(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("keep_alive must be seconds as a number, or a duration: 5m")  # noqa: TRY004 — pydantic's own
    return float(value)
