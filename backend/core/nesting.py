"""How deep lists and objects may stand in each other (pure)."""

from itertools import chain
from typing import Any

# orjson writes what is nested 254 deep at most, and some of it is put into more.
DEEPEST = 200


def is_deeper(value: Any, levels: int) -> bool:  # whatever JSON can hold
    """Tell whether lists and objects stand in each other more than so many deep."""
    layer = [value]
    for _ in range(levels):
        layer = list(chain.from_iterable(map(_inside, layer)))
        if not layer:
            return False
    return any(isinstance(one, (dict, list)) for one in layer)


def is_too_deep(value: Any, written: bytes | str) -> bool:  # whatever JSON can hold
    """Tell whether what was read of a text is nested deeper than can be written."""
    # Few texts have so many brackets at all.
    if isinstance(written, str):
        brackets = written.count("[") + written.count("{")
    else:
        brackets = written.count(b"[") + written.count(b"{")
    return brackets > DEEPEST and is_deeper(value, DEEPEST)


def _inside(value: Any) -> list[Any]:  # whatever JSON can hold
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
