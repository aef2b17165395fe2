"""Embeddings: sums of made-up vectors of the words, so like texts lie close."""

import math
import random
import struct
from functools import lru_cache
from operator import add


@lru_cache(maxsize=4096)
def vector(text: str, size: int, *, salt: str = "") -> tuple[float, ...]:
    """Return the unit vector of a text, in the precision of 32 bits."""
    # The first is that of the start marker: an empty text has a vector too.
    total = _word(salt, size)
    for word in text.lower().split():
        total = tuple(map(add, total, _word(word, size)))
    return normal(total)


def normal(values: tuple[float, ...]) -> tuple[float, ...]:
    """Scale to length one."""
    length = math.sqrt(math.fsum(value * value for value in values)) or 1.0
    # Eight digits are what Go prints of a float32.
    return tuple(round(value / length, 8) for value in values)


def packed(values: tuple[float, ...]) -> bytes:
    """Return the numbers as 32 bit floats, little endian."""
    return struct.pack(f"<{len(values)}f", *values)


@lru_cache(maxsize=4096)
def _word(word: str, size: int) -> tuple[float, ...]:
    draw = random.Random(word)  # noqa: S311 # repeatable, no secret
    return tuple(draw.gauss(0.0, 1.0) for _ in range(size))
