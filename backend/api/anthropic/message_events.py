"""An answer as Anthropic streams it.

    message_start ► (content_block_start ► content_block_delta … ► content_block_stop) …
    ► message_delta (why it stopped, the usage) ► message_stop

One block is open at a time; a tool's call is a block of its own, its input one piece of
JSON. `ping` says that the stream is alive.
"""

from typing import Any

import orjson

from backend.api.anthropic import errors
from backend.api.anthropic.message_answer import (
    head,
    stop_reason,
    text_block,
    thinking_block,
    tool_use_block,
    usage,
)
from backend.api.calls.relay import Delta, Ended, ToolCall
from backend.core.errors import AppError

Json = dict[str, Any]
_THINKING = "thinking"
_PING = b'event: ping\ndata: {"type":"ping"}\n\n'


class MessageEvents:
    """Writes the events of one message."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(
        self, job_id: str, *, model: str, estimated_tokens: int, request_id: str
    ) -> None:
        """Take what the message begins with; its prompt is counted at its end."""
        self._job_id = job_id
        self._model = model
        self._estimated_tokens = estimated_tokens
        self._request_id = request_id
        self._open: str | None = None
        self._blocks = 0
        self._called = 0

    def begin(self) -> bytes:
        """Write the message's head."""
        counts = usage(self._estimated_tokens, 0)
        message = head(self._job_id, model=self._model) | {"usage": counts}
        return _event({"type": "message_start", "message": message})

    def delta(self, index: int, delta: Delta) -> bytes:
        """Write what the model said."""
        del index
        pieces = []
        if delta.thinking:
            pieces += [
                self._enter(_THINKING, thinking_block("")),
                self._delta("thinking_delta", thinking=delta.thinking),
            ]
        if delta.text:
            pieces += [
                self._enter("text", text_block("")),
                self._delta("text_delta", text=delta.text),
            ]
        pieces += map(self._call, delta.tool_calls)
        return b"".join(pieces)

    def waiting(self, what: str) -> bytes:
        """Write that the stream is alive."""
        del what
        return _PING

    def ended(self, index: int, end: Ended) -> bytes:
        """Write why the message is complete."""
        del index
        reason = stop_reason(end.done_reason, called=self._called > 0)
        told = {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": usage(end.prompt_tokens, end.completion_tokens),
        }
        return self._leave() + _event(told)

    def finish(self) -> bytes:
        """Write that all is said."""
        return _event({"type": "message_stop"})

    def failed(self, error: AppError) -> bytes:
        """Write an error; nothing comes after it."""
        return _event(errors.body(error, request_id=self._request_id))

    def _call(self, call: ToolCall) -> bytes:
        given = call["function"].get("arguments") or {}
        block = tool_use_block(call, self._job_id, self._called, {})
        entered = self._enter(f"tool {self._called}", block)
        self._called += 1
        written = orjson.dumps(given).decode()
        return entered + self._delta("input_json_delta", partial_json=written)

    def _enter(self, name: str, block: Json) -> bytes:
        """Begin a block, unless it is the one that is open."""
        if self._open == name:
            return b""
        left = self._leave()
        self._open = name
        told = {"type": "content_block_start", "index": self._blocks}
        return left + _event(told | {"content_block": block})

    def _leave(self) -> bytes:
        """End the open block; clients send thinking back only if it was signed."""
        if self._open is None:
            return b""
        thought = self._open == _THINKING
        signed = self._delta("signature_delta", signature="") if thought else b""
        self._open = None
        self._blocks += 1
        end = {"type": "content_block_stop", "index": self._blocks - 1}
        return signed + _event(end)

    def _delta(self, kind: str, **said: str) -> bytes:
        delta = {"type": kind, **said}
        told = {"type": "content_block_delta", "index": self._blocks, "delta": delta}
        return _event(told)


def _event(data: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), orjson.dumps(data))
