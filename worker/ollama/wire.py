"""Read Ollama's answers: one JSON object a line, or one JSON object in all."""

import json
from typing import Any

import orjson

from backend.core.nesting import is_too_deep
from worker.ollama.errors import MalformedAnswerError

# One object of an answer. `Any`: which keys there are depends on the path, and these
# dictionaries are read, never built.
Line = dict[str, Any]


class LineReader:
    """Splits the bytes of an answer into its objects, wherever the reads cut them."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []

    def feed(self, data: bytes) -> list[Line]:
        """Give the objects that are complete with these bytes."""
        head, newline, rest = data.rpartition(b"\n")
        if not newline:
            if data:
                self._rest.append(data)
            return []
        if self._rest:
            # Kept in pieces, so a large object of many reads is joined once.
            head = b"".join(self._rest) + head
            self._rest.clear()
        if rest:
            self._rest.append(rest)
        return [
            parse(line) for line in head.split(b"\n") if line and not line.isspace()
        ]

    def finish(self) -> list[Line]:
        """Give the object that the answer ended with, if no newline came after it."""
        return self.feed(b"\n")


def parse(line: bytes) -> Line:
    """Give the object of a line, with text that can be stored and sent on.

    Raises:
        MalformedAnswerError: It is not a JSON object.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = _parse_leniently(line)
    if not isinstance(value, dict) or is_too_deep(value, line):
        raise MalformedAnswerError(_told(line))
    return value


def without_lone_surrogates(text: str) -> str:
    """Replace halves of surrogate pairs, which no UTF-8 can carry, by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _parse_leniently(line: bytes) -> object:
    # orjson refuses escapes such as \ud800 and bytes that are no UTF-8. A model may say
    # such things, and its job must still end (JOBS.md 30).
    try:
        return _clean(json.loads(line.decode("utf-8", "replace")))
    except (ValueError, RecursionError) as error:
        raise MalformedAnswerError(_told(line)) from error


def _clean(value: object) -> object:
    if isinstance(value, str):
        return without_lone_surrogates(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def _told(line: bytes) -> str:
    # Only the length: what a model says does not belong into logs.
    return f"A line of {len(line)} bytes is not a JSON object, or nested too deep."
