"""Holding a text back that may turn out to be a tool's call (`tooling`)."""

from dataclasses import dataclass, field
from typing import Any

from backend.api.calls.relay import Delta, Ended, ToolCall
from backend.api.calls.stream import Writer
from backend.api.calls.tooling import Tooling
from backend.core.errors import AppError


@dataclass(slots=True)
class _Held:
    """What an attempt said that was held back, and how many of its calls were told."""

    attempt: int = 1
    called: int = 0
    text: list[str] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)


class HoldingBack:
    """A writer before another one, which is told only what is certain."""

    def __init__(self, writer: Writer, tools: Tooling, *, times: int = 1) -> None:
        """Hold back for so many answers."""
        self.content_type = writer.content_type
        self._writer = writer
        self._tools = tools
        self._held = [_Held() for _ in range(times)]

    def begin(self) -> bytes:
        """Write what the protocol begins with."""
        return self._writer.begin()

    def delta(self, index: int, delta: Delta) -> bytes:
        """Pass on thoughts and calls; a text that may be a call is held back."""
        held = self._held_of(index, delta.attempt)
        calls = self._tools.at_most([*delta.tool_calls], told=held.called)
        held.called += len(calls)
        text, logprobs = delta.text, delta.logprobs
        if self._tools.names:
            held.text.append(text)
            held.logprobs += logprobs
            text, logprobs = "", ()
        if not (text or delta.thinking or calls or logprobs):
            return b""
        passed = Delta(text, delta.thinking, tuple(calls), logprobs, delta.attempt)
        return self._writer.delta(index, passed)

    def waiting(self, what: str) -> bytes:
        """Write that nothing is said yet."""
        return self._writer.waiting(what)

    def ended(self, index: int, end: Ended) -> bytes:
        """Write what was held back, and that the answer is complete.

        Raises:
            AppError: If a tool had to be called, and was not.
        """
        held = self._held_of(index, end.attempt)
        return self._rest(index, held, end) + self._writer.ended(index, end)

    def _held_of(self, index: int, attempt: int) -> _Held:
        """Give what an attempt said; what one before it said is void."""
        if self._held[index].attempt != attempt:
            self._held[index] = _Held(attempt)
        return self._held[index]

    def _rest(self, index: int, held: _Held, end: Ended) -> bytes:
        text, calls = "".join(held.text), list[ToolCall]()
        if not held.called:
            text, calls = self._tools.settled(text, [], end.done_reason)
        if calls:
            made = tuple({"index": 0, **call} for call in calls)
            said = Delta(tool_calls=made, attempt=end.attempt)
            return self._writer.delta(index, said)
        if not text:
            return b""
        said = Delta(text, logprobs=tuple(held.logprobs), attempt=end.attempt)
        return self._writer.delta(index, said)

    def finish(self) -> bytes:
        """Write what comes after all answers."""
        return self._writer.finish()

    def failed(self, error: AppError) -> bytes:
        """Write why the stream ends before its time."""
        return self._writer.failed(error)
