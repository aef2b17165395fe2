"""Ordinary sentences, chosen by a number: the same number gives the same text."""

from collections.abc import Iterator
from itertools import islice

# At most eleven tokens each, so that an answer stays below sixty.
_SENTENCES = (
    "The queue is fair and every caller gets a turn.",
    "A good answer is short and says what it means.",
    "This model runs on one machine in a quiet room.",
    "Every job is written down before it is started.",
    "The worker reads the next line and sends it on.",
    "When the light is green the train leaves the station.",
    "A river is always a little different from yesterday.",
    "The operator keeps the old notes in a blue folder.",
    "It is easier to begin than it is to finish.",
    "If a < b then the list is already sorted.",
    "Research & development is where most ideas are lost.",
    "The garden is full of birds early in the morning.",
    "Nobody is late when the clock has stopped working.",
    "The database remembers what people often forget.",
    "Bread is better when the dough has time to rest.",
    "One small test is worth a long discussion.",
    "The answer is simple once the question is clear.",
    "Rain is expected in the north after midnight.",
)
_Tokens = tuple[str, ...]


def _tokens(sentence: str) -> _Tokens:
    """Split a sentence as a tokenizer would: words with the space before them."""
    first, *rest = sentence.removesuffix(".").split(" ")
    return (first, *(f" {word}" for word in rest), ".")


_FIRST = tuple(_tokens(sentence) for sentence in _SENTENCES)
_NEXT = tuple((f" {tokens[0]}", *tokens[1:]) for tokens in _FIRST)


def _choices(number: int) -> Iterator[int]:
    """Draw sentences by a linear congruential generator (that of ANSI C)."""
    while True:
        number = (number * 1103515245 + 12345) & 0x7FFFFFFF
        yield (number >> 16) % len(_SENTENCES)


def endless(number: int) -> Iterator[str]:
    """Yield the tokens of a text that never ends."""
    choices = _choices(number)
    yield from _FIRST[next(choices)]
    for choice in choices:
        yield from _NEXT[choice]


def text(number: int) -> Iterator[str]:
    """Yield the tokens of three to five sentences."""
    choices = islice(_choices(number), 3 + number % 3)
    yield from _FIRST[next(choices)]
    for choice in choices:
        yield from _NEXT[choice]


def exactly(number: int, tokens: int) -> Iterator[str]:
    """Yield so many tokens."""
    return islice(endless(number), tokens)
