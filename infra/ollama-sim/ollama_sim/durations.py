"""Go's durations and Ollama's `keep_alive`, with Go's error texts."""

import re

from ollama_sim.errors import ApiError

# What Ollama keeps for ever it keeps for the longest duration Go knows, 292 years.
FOR_EVER = 2.0**63 / 1e9
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)")


def parse_duration(text: str) -> float:
    """Read `1h30m` as Go does and return seconds."""
    unsigned = text[1:] if text[:1] in ("-", "+") else text
    if unsigned == "0":
        return 0.0
    parts = _PART.findall(unsigned)
    if not parts or "".join(map("".join, parts)) != unsigned:
        raise ApiError(400, f'time: invalid duration "{text}"')
    seconds = sum(float(number) * _unit(unit, text) for number, unit in parts)
    return -seconds if text.startswith("-") else seconds


def _unit(unit: str, text: str) -> float:
    if not unit:
        raise ApiError(400, f'time: missing unit in duration "{text}"')
    if unit not in _UNITS:
        raise ApiError(400, f'time: unknown unit "{unit}" in duration "{text}"')
    return _UNITS[unit]


def parse_keep_alive(value: object) -> float | None:
    """Return for how many seconds a model stays, or None where nothing was said."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ApiError(400, f"Unsupported type: '{_go_type(value)}'")
    seconds = parse_duration(value) if isinstance(value, str) else float(value)
    return FOR_EVER if seconds < 0 else seconds


def _go_type(value: object) -> str:
    names = {bool: "bool", list: "[]interface {}", dict: "map[string]interface {}"}
    return names.get(type(value), "nil")
