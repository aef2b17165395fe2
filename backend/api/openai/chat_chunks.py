"""A chat's answer as it grows: role, deltas, finish reason, usage, `[DONE]`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from backend.api.calls.ids import made_at
from backend.api.calls.relay import Delta, Ended, ToolCall
from backend.api.openai import errors
from backend.api.openai.chat_answer import (
    Wanted,
    completion_id,
    finish_reason,
    logprobs,
    tool_call,
    usage,
)
from backend.core.errors import AppError

Json = dict[str, Any]


@dataclass(slots=True)
class _Choice:
    """What was told of one answer."""

    begun: bool = False
    called: int = 0


class Chunks:
    """Writes the stream of one answer or of several."""

    content_type = "text/event-stream"

    def __init__(self, job_id: str, wanted: Wanted, *, times: int) -> None:
        """Take what all chunks have alike."""
        self._job_id = job_id
        self._wanted = wanted
        self._head = {
            "id": completion_id(job_id),
            "object": "chat.completion.chunk",
            "created": made_at(job_id),
            "model": wanted.model,
            "system_fingerprint": None,
        }
        self._choices = [_Choice() for _ in range(times)]
        self._prompt = self._completion = 0
        self._thought = False

    def begin(self) -> bytes:
        """Write nothing: each choice begins with its role."""
        return b""

    def delta(self, index: int, delta: Delta) -> bytes:
        """Write what the model said."""
        said: Json = {}
        if delta.thinking:
            self._thought = True
            said["reasoning_content"] = delta.thinking
        if delta.text:
            said["content"] = delta.text
        if delta.tool_calls:
            said["tool_calls"] = self._calls(self._choices[index], delta.tool_calls)
        known = list(delta.logprobs) if self._wanted.logprobs else []
        return self._chunk(index, said, known=known) if said or known else b""

    def waiting(self, what: str) -> bytes:
        """Write a comment, which clients pass over."""
        return f": {what}\n\n".encode()

    def ended(self, index: int, end: Ended) -> bytes:
        """Write why a choice is complete."""
        self._prompt += end.prompt_tokens
        self._completion += end.completion_tokens
        called = self._choices[index].called > 0
        return self._chunk(index, {}, finish_reason(end.done_reason, called=called))

    def finish(self) -> bytes:
        """Write the usage, and that all is said."""
        told = b""
        if self._wanted.usage:
            counts = usage(self._prompt, self._completion, thought=self._thought)
            told = event(self._head | {"choices": [], "usage": counts})
        return told + b"data: [DONE]\n\n"

    def failed(self, error: AppError) -> bytes:
        """Write an error: a bare end would look like a complete answer."""
        return event(errors.body(error))

    def _calls(self, choice: _Choice, calls: Sequence[ToolCall]) -> list[Json]:
        first = choice.called
        choice.called += len(calls)
        return [
            {"index": number, **tool_call(call, self._job_id, number)}
            for number, call in enumerate(calls, first)
        ]

    def _chunk(
        self,
        index: int,
        delta: Json,
        reason: str | None = None,
        *,
        known: list[Json] | None = None,
    ) -> bytes:
        choice = self._choices[index]
        if choice.begun:
            return self._event(index, delta, reason, known=known)
        choice.begun = True
        role = self._event(index, {"role": "assistant", "content": ""}, None)
        return role + self._event(index, delta, reason, known=known)

    def _event(
        self,
        index: int,
        delta: Json,
        reason: str | None,
        *,
        known: list[Json] | None = None,
    ) -> bytes:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": logprobs(known),
            "finish_reason": reason,
        }
        chunk = self._head | {"choices": [choice]}
        return event(chunk | {"usage": None} if self._wanted.usage else chunk)


def event(data: Json) -> bytes:
    """Write a server-sent event."""
    return b"data: %b\n\n" % orjson.dumps(data)
