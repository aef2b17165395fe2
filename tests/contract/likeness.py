"""Say in what an answer differs from a recorded one, words and times aside.

Compared are the status, the headers that matter, the keys, their order and types, what
follows from the request (names, error texts, `done_reason`, counts that are bound), and
which lines a stream has. Not compared are words, times, digests, ids and sizes.
"""

import json
import re
from collections.abc import Iterator
from itertools import groupby, zip_longest
from typing import Any

from tests.contract.ollama_transcripts import Reply

_HEADERS = ("content-type", "allow", "transfer-encoding")
# Values of these keys follow from the request or the model, so they must be the same.
_FIXED = {
    "model",
    "name",
    "role",
    "done",
    "done_reason",
    "error",
    "message",
    "type",
    "param",
    "code",
    "object",
    "owned_by",
    "index",
    "finish_reason",
    "system_fingerprint",
    "format",
    "family",
    "families",
    "parameter_size",
    "quantization_level",
    "parameters",
    "template",
    "system",
    "capabilities",
    "size_vram",
    "context_length",
    "model_info",
    "arguments",
    "models",
}
_MASKED = (
    (re.compile(r"[0-9a-f]{64}"), "<digest>"),
    (re.compile(r"pulling [0-9a-f]{12}"), "pulling <digest>"),
)
_CUT_VECTOR = re.compile(r"… (\d+) (?:numbers|characters)")

Differences = Iterator[str]


def differences(expected: Reply, actual: Reply) -> list[str]:
    """List the differences; none means that the answer is like the recorded one."""
    return [*_heads(expected, actual), *_bodies(expected, actual)]


def _heads(expected: Reply, actual: Reply) -> Differences:
    if expected.status != actual.status:
        yield f"status {actual.status}, not {expected.status}: {actual.body}"
    recorded = {name.lower(): value for name, value in expected.headers.items()}
    for name in _HEADERS:
        if recorded.get(name) != actual.headers.get(name):
            got, want = actual.headers.get(name), recorded.get(name)
            if name == "transfer-encoding" and _may_be_chunked(expected):
                continue
            yield f"header {name}: {got!r}, not {want!r}"


def _may_be_chunked(expected: Reply) -> bool:
    """Tell whether the body is near the size from which Go sends it in chunks."""
    return expected.lines is None and expected.status == 200


def _bodies(expected: Reply, actual: Reply) -> Differences:
    if expected.lines is None or actual.lines is None:
        if (expected.lines is None) != (actual.lines is None):
            yield f"{'no ' * (actual.lines is None)}stream: {actual}"
        else:
            yield from _values(expected.body, actual.body, "", fixed=True)
        return
    yield from _streams(expected, actual)


def _streams(expected: Reply, actual: Reply) -> Differences:
    """Compare the sequence of kinds of lines, and their number where it is bound."""
    wanted = [_parsed(line) for line in expected.lines or ()]
    got = [_parsed(line) for line in actual.lines or ()]
    runs = [_runs(side) for side in (wanted, got)]
    if runs[0] != runs[1]:
        yield f"kinds of lines {runs[1]}, not {runs[0]}"
        return
    count = len(wanted) + expected.lines_left_out
    if not _ends_by_itself(wanted) and len(got) != count:
        yield f"{len(got)} lines, not {count}"
    yield from _values(wanted[0], got[0], "first line")
    yield from _values(wanted[-1], got[-1], "last line")
    if expected.lines_left_out == 0 and len(got) == count:
        for number, (line, other) in enumerate(zip(wanted, got, strict=True)):
            yield from _values(line, other, f"line {number}")


def _runs(lines: list[Any]) -> list[Any]:
    """Return the kinds of lines in their order, repetitions folded.

    The empty lines between server-sent events are no kind; their number counts.
    """
    return [kind for kind, _ in groupby(_kind(line) for line in lines if line)]


def _ends_by_itself(lines: list[Any]) -> bool:
    """Tell whether the words of the answer decide how many lines there are."""
    tool = any("tool_calls" in str(line) for line in lines)
    return not tool and any(
        isinstance(line, dict) and line.get("done_reason") == "stop" for line in lines
    )


def _parsed(line: str) -> Any:
    payload = line.removeprefix("data: ")
    return json.loads(payload) if payload.startswith("{") else line


def _kind(value: Any) -> Any:
    """Reduce a value to its keys and the kinds of its values."""
    if isinstance(value, dict):
        return tuple((key, _kind(item)) for key, item in value.items())
    if isinstance(value, list):
        return ("list", *dict.fromkeys(map(_kind, value)))
    if isinstance(value, str) and value:
        return "text"
    plain = value is None or value == "" or isinstance(value, bool)
    return value if plain else type(value).__name__


def _values(
    expected: Any, actual: Any, path: str, *, fixed: bool = False
) -> Differences:
    """Compare two values; those under a fixed key must be equal."""
    if type(expected) is not type(actual):
        kind = type(expected).__name__
        yield f"{path}: {actual!r} is no {kind} as {expected!r}"
    elif isinstance(expected, dict):
        yield from _objects(expected, actual, path)
    elif isinstance(expected, list):
        yield from _lists(expected, actual, path, fixed=fixed)
    elif isinstance(expected, str):
        if (fixed and _masked(expected) != _masked(actual)) or bool(expected) != bool(
            actual
        ):
            yield f"{path}: {actual!r}, not {expected!r}"
    elif fixed and expected != actual:
        yield f"{path}: {actual!r}, not {expected!r}"


def _objects(
    expected: dict[str, Any], actual: dict[str, Any], path: str
) -> Differences:
    if list(expected) != list(actual):
        yield f"{path}: keys {list(actual)}, not {list(expected)}"
    if path.endswith(".model_info") and expected != actual:
        yield f"{path}: {actual}, not {expected}"
    for key in expected.keys() & actual.keys():
        yield from _values(
            expected[key], actual[key], f"{path}.{key}", fixed=_is_fixed(key, expected)
        )
    count = actual.get("eval_count")
    if _counts_are_bound(expected) and expected["eval_count"] != count:
        yield f"{path}.eval_count: {count}, not {expected['eval_count']}"


def _is_fixed(key: str, within: dict[str, Any]) -> bool:
    # A model's own description of itself has its name and blob paths in it.
    return key in _FIXED or (key == "status" and isinstance(within[key], str))


def _counts_are_bound(expected: dict[str, Any]) -> bool:
    return expected.get("done_reason") == "length" and "eval_count" in expected


def _lists(
    expected: list[Any], actual: list[Any], path: str, *, fixed: bool
) -> Differences:
    if path.endswith((".tensors", ".logprobs", ".context", ".bytes")):
        yield from _values(expected[0], actual[0], f"{path}[0]")
        return
    if path.endswith((".models", ".data")) and "created" in str(expected):
        expected, actual = (sorted(side, key=str) for side in (expected, actual))
    if path.endswith(".models") and "modified_at" in str(expected):
        by_name = [sorted(side, key=lambda m: m["name"]) for side in (expected, actual)]
        expected, actual = by_name
    size = _recorded_size(expected)
    if len(actual) != size:
        yield f"{path}: {len(actual)} items, not {size}"
    for number, (item, other) in enumerate(zip_longest(expected, actual)):
        if number < min(len(expected), len(actual)) and not _is_cut(item):
            yield from _values(item, other, f"{path}[{number}]", fixed=fixed)


def _is_cut(item: Any) -> bool:
    return isinstance(item, str) and bool(_CUT_VECTOR.search(item))


def _recorded_size(items: list[Any]) -> int:
    """Return how long a list was before long vectors were cut in the record."""
    match = _CUT_VECTOR.search(items[-1]) if items and _is_cut(items[-1]) else None
    return int(match[1]) if match else len(items)


def _masked(text: str) -> str:
    for pattern, mask in _MASKED:
        text = pattern.sub(mask, text)
    return text
