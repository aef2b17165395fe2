"""Answers as Ollama tells them: whole, or line by line (pure but for the time)."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from backend.api.calls.relay import Delta, Ended, ToolCall
from backend.api.ollama import errors
from backend.api.ollama.replies import NDJSON, line
from backend.core.errors import AppError
from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import Kind

Json = dict[str, Any]
# What was said, thought and called, as the part of an answer that tells it.
Part = Callable[[str, str, list[ToolCall]], Json]

_NANOSECONDS_PER_MS = 1_000_000
_BILLION = 1_000_000_000


def chat_part(text: str, thinking: str, calls: list[ToolCall]) -> Json:
    """Tell it as a message."""
    message: Json = {"role": "assistant", "content": text}
    if thinking:
        message["thinking"] = thinking
    if calls:
        message["tool_calls"] = [_tool_call(call) for call in calls]
    return {"message": message}


def generate_part(text: str, thinking: str, _: list[ToolCall]) -> Json:
    """Tell it as a completion."""
    return {"response": text} | ({"thinking": thinking} if thinking else {})


PARTS: dict[Kind, Part] = {Kind.CHAT: chat_part, Kind.GENERATE: generate_part}


def whole(row: JobRecord, *, model: str) -> Json:
    """Write a whole answer."""
    said = row.result["message"] if row.kind is Kind.CHAT else row.result
    part = PARTS[row.kind](
        said["content"] if row.kind is Kind.CHAT else said["text"],
        said.get("thinking") or "",
        said.get("tool_calls") or [],
    )
    counts = durations(row.timings or {}, row.prompt_tokens, row.completion_tokens)
    told = _probabilities(row.result.get("logprobs"))
    return {**_head(model), **part, **_end(row.done_reason), **told, **counts}


def empty(kind: Kind, *, model: str, reason: str) -> Json:
    """Write the answer to a request that asked for nothing but the model."""
    return {**_head(model), **PARTS[kind]("", "", []), **_end(reason)}


def embeddings(row: JobRecord, *, model: str) -> Json:
    """Write the answer to texts."""
    counts = durations(row.timings or {}, row.prompt_tokens, None)
    return {"model": model, "embeddings": row.result["embeddings"], **counts}


def durations(timings: Json, prompt: int | None, completion: int | None) -> Json:
    """Write times in nanoseconds and counts; as Go does, without those that are 0."""
    told = {
        "total_duration": _nanoseconds(timings, "total_ms"),
        "load_duration": _nanoseconds(timings, "load_ms"),
        "prompt_eval_count": prompt,
        "prompt_eval_duration": _nanoseconds(timings, "prompt_eval_ms"),
        "eval_count": completion,
        "eval_duration": _nanoseconds(timings, "eval_ms"),
    }
    return {name: number for name, number in told.items() if number}


def timestamp(nanoseconds: int) -> str:
    """Write a time as Go does."""
    seconds, rest = divmod(nanoseconds, _BILLION)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


class Lines:
    """Writes a stream: lines with what was said, then one with why it ended."""

    content_type = NDJSON

    def __init__(self, kind: Kind, *, model: str) -> None:
        """Take what all lines have alike."""
        self._part = PARTS[kind]
        self._model = model

    def begin(self) -> bytes:
        """Write nothing: each line stands for itself."""
        return b""

    def delta(self, index: int, delta: Delta) -> bytes:
        """Write what the model said; thoughts, words and calls have their own lines."""
        del index
        parts = []
        if delta.thinking:
            parts.append(self._part("", delta.thinking, []))
        if delta.text or (delta.logprobs and not parts):
            parts.append(self._part(delta.text, "", []))
        if delta.tool_calls:
            parts.append(self._part("", "", list(delta.tool_calls)))
        lines = [{**_head(self._model), **part, "done": False} for part in parts]
        # Which of them a token belongs to is not told: all come with the first.
        lines[0] |= _probabilities(delta.logprobs)
        return b"".join(map(line, lines))

    def waiting(self, what: str) -> bytes:
        """Write nothing: a line would be taken for a part of the answer."""
        del what
        return b""

    def ended(self, index: int, end: Ended) -> bytes:
        """Write why the answer is complete, and what it took."""
        del index
        counts = durations(end.timings, end.prompt_tokens, end.completion_tokens)
        said = self._part("", "", [])
        return line({**_head(self._model), **said, **_end(end.done_reason), **counts})

    def finish(self) -> bytes:
        """Write nothing: the last line said it."""
        return b""

    def failed(self, error: AppError) -> bytes:
        """Write an error: a bare end would look like a complete answer."""
        return line({"error": errors.text(error)})


def _head(model: str) -> Json:
    return {"model": model, "created_at": timestamp(time.time_ns())}


def _end(reason: str | None) -> Json:
    return {"done": True} | ({"done_reason": reason} if reason else {})


def _probabilities(tokens: Sequence[Json] | None) -> Json:
    return {"logprobs": list(tokens)} if tokens else {}


def _nanoseconds(timings: Json, name: str) -> int:
    return round((timings.get(name) or 0) * _NANOSECONDS_PER_MS)


def _tool_call(call: ToolCall) -> Json:
    """Write a call without the place that it has in our stream."""
    return {name: value for name, value in call.items() if name != "index"}
