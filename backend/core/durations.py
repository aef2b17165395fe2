"""How durations and sizes are written in the environment, and what they mean."""

import re

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", re.IGNORECASE)


def milliseconds(value: object) -> int:
    """Read a duration: plain milliseconds, or a number with ms, s, m, h or d.

    Raises:
        ValueError: If it is neither, with a sentence that says what is allowed.
    """
    text = str(value).strip()
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a duration: write milliseconds (300000)"
            " or a number with a unit (300s, 5m)"
        )
    return round(float(match[1]) * _UNITS[(match[2] or "ms").lower()])


def comma_separated(value: object) -> tuple[str, ...]:
    """Read a list such as `a, b,,c` and leave out what is empty."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, (list, tuple)):
        return tuple(str(part) for part in value)
    raise ValueError("write names separated by commas")
