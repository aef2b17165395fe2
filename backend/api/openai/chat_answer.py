"""A chat's answer as OpenAI tells it: whole, or chunk by chunk (pure)."""

import time
from collections.abc import Sequence
from typing import Any

import orjson

from backend.api.calls.relay import Call, Delta, Ended
from backend.api.openai import errors
from backend.core.errors import AppError
from backend.core.jobs.records import JobRecord

Json = dict[str, Any]


def completion_id(job_id: str) -> str:
    """Name a completion after its job."""
    return f"chatcmpl-{job_id}"


def completion(rows: Sequence[JobRecord], *, model: str) -> Json:
    """Write the whole answer, one choice for each job."""
    first = rows[0]
    return {
        "id": completion_id(first.id),
        "object": "chat.completion",
        "created": int(first.created_at.timestamp()),
        "model": model,
        "choices": [_choice(index, row) for index, row in enumerate(rows)],
        "usage": usage(
            sum(row.prompt_tokens or 0 for row in rows),
            sum(row.completion_tokens or 0 for row in rows),
        ),
        "system_fingerprint": None,
    }


def _choice(index: int, row: JobRecord) -> Json:
    said = row.result["message"]
    message: Json = {"role": "assistant", "content": said["content"], "refusal": None}
    calls = said.get("tool_calls")
    if calls:
        message["tool_calls"] = [tool_call(call, row.id) for call in calls]
        message["content"] = said["content"] or None
    if said.get("thinking"):
        message["reasoning_content"] = said["thinking"]
    return {
        "index": index,
        "message": message,
        "logprobs": None,
        "finish_reason": finish_reason(row.done_reason, called=bool(calls)),
    }


def finish_reason(done_reason: str | None, *, called: bool) -> str:
    """Say why the model stopped."""
    if called:
        return "tool_calls"
    return "length" if done_reason == "length" else "stop"


def tool_call(call: Call, job_id: str) -> Json:
    """Write a tool call: its arguments are JSON in a text."""
    function = call["function"]
    return {
        "id": call.get("id") or f"call_{job_id[-12:]}{call.get('index', 0)}",
        "type": "function",
        "function": {
            "name": function["name"],
            "arguments": orjson.dumps(function.get("arguments") or {}).decode(),
        },
    }


def usage(prompt: int, completion: int) -> Json:
    """Count tokens."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


class Chunks:
    """Writes a stream: role, deltas, finish reason, usage if asked, `[DONE]`."""

    content_type = "text/event-stream"

    def __init__(self, job_id: str, *, model: str, times: int, usage: bool) -> None:
        """Take what all chunks have alike."""
        self._job_id = job_id
        self._head = {
            "id": completion_id(job_id),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._with_usage = usage
        self._prompt = self._completion = 0
        self._begun = [False] * times
        self._called = [False] * times

    def begin(self) -> bytes:
        """Write nothing: each choice begins with its role."""
        return b""

    def delta(self, index: int, delta: Delta) -> bytes:
        """Write what the model said."""
        said: Json = {}
        if delta.thinking:
            said["reasoning_content"] = delta.thinking
        if delta.text:
            said["content"] = delta.text
        if delta.tool_calls:
            self._called[index] = True
            said["tool_calls"] = [
                {"index": call["index"], **tool_call(call, self._job_id)}
                for call in delta.tool_calls
            ]
        return self._role(index) + self._chunk(index, said)

    def waiting(self, what: str) -> bytes:
        """Write a comment, which clients pass over."""
        return f": {what}\n\n".encode()

    def ended(self, index: int, end: Ended) -> bytes:
        """Write why a choice is complete."""
        self._prompt += end.prompt_tokens
        self._completion += end.completion_tokens
        reason = finish_reason(end.done_reason, called=self._called[index])
        return self._role(index) + self._chunk(index, {}, reason)

    def finish(self) -> bytes:
        """Write the usage, and that all is said."""
        told = b""
        if self._with_usage:
            counts = usage(self._prompt, self._completion)
            told = _event(self._head | {"choices": [], "usage": counts})
        return told + b"data: [DONE]\n\n"

    def failed(self, error: AppError) -> bytes:
        """Write an error: a bare end would look like a complete answer."""
        return _event(errors.body(error))

    def _role(self, index: int) -> bytes:
        if self._begun[index]:
            return b""
        self._begun[index] = True
        return self._chunk(index, {"role": "assistant", "content": ""})

    def _chunk(self, index: int, delta: Json, reason: str | None = None) -> bytes:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": None,
            "finish_reason": reason,
        }
        chunk = self._head | {"choices": [choice]}
        return _event(chunk | {"usage": None} if self._with_usage else chunk)


def _event(data: Json) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(data)
