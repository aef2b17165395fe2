"""Which of several versions of Ollama is the oldest (pure)."""

import re
from collections.abc import Iterable

# The version that these addresses are held against, said while no node lives.
SPOKEN = "0.24.0"
_NUMBER = re.compile(r"\d+")


def oldest(versions: Iterable[str | None]) -> str:
    """Give the oldest version; those that nobody knows do not count."""
    return min((v for v in versions if v), key=_numbers, default=SPOKEN)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in _NUMBER.findall(version)[:3]]
