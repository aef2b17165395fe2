"""What a response to `/api/chat` or `/api/generate` is made of."""

import time
from dataclasses import dataclass
from typing import Any, Protocol

from ollama_sim.answer import Kind
from ollama_sim.go_json import dumps, quoted
from ollama_sim.logprobs import logprob


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended, with its times in nanoseconds."""

    done_reason: str
    prompt_tokens: int
    tokens: int
    total_ns: int
    load_ns: int
    prompt_ns: int
    eval_ns: int

    # Any: JSON.
    def view(self) -> dict[str, Any]:
        """Show it as Ollama does: Go leaves out what is zero."""
        shown = {
            "total_duration": self.total_ns,
            "load_duration": self.load_ns,
            "prompt_eval_count": self.prompt_tokens,
            "prompt_eval_duration": self.prompt_ns,
            "eval_count": self.tokens,
            "eval_duration": self.eval_ns,
        }
        return {name: value for name, value in shown.items() if value}


class Lines(Protocol):
    """The writer of a protocol's responses."""

    content_type: bytes
    whole_type: bytes

    def token(self, kind: Kind, value: Any) -> bytes:
        """Return the line of a token."""

    def last(self, outcome: Outcome) -> bytes:
        """Return what ends a stream."""

    def error(self, text: str) -> bytes:
        """Return what a stream has where it breaks."""

    def whole(self, tokens: list[tuple[Kind, Any]], outcome: Outcome) -> Any:
        """Return the answer to who did not ask for a stream, as JSON."""


class Clock:
    """The time as Go writes it; its seconds are formatted once."""

    def __init__(self) -> None:
        self._second = 0
        self._prefix = ""

    def stamp(self) -> bytes:
        """Return the time now."""
        second, rest = divmod(time.time_ns(), 1_000_000_000)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
        return f"{self._prefix}{rest:09d}Z".encode()


class NativeLines:
    """Writes Ollama's own NDJSON."""

    content_type = b"application/x-ndjson"
    whole_type = b"application/json; charset=utf-8"

    def __init__(
        self,
        model: str,
        clock: Clock,
        *,
        chat: bool,
        top_logprobs: int | None = None,
        context: list[int] | None = None,
    ) -> None:
        self._model = model
        self._clock = clock
        self._chat = chat
        self._top_logprobs = top_logprobs
        self._context = context
        self._start = b'{"model":%b,"created_at":"' % quoted(model)

    def token(self, kind: Kind, value: Any) -> bytes:
        """Return the line of a token."""
        if kind is Kind.CONTENT and self._top_logprobs is None:
            shape = _CHAT_CONTENT if self._chat else _GENERATE_CONTENT
            return shape % (self._start, self._clock.stamp(), quoted(value))
        line = self._head() | self._body({kind: value}) | {"done": False}
        return dumps(line | self._logprobs([(kind, value)])) + b"\n"

    def last(self, outcome: Outcome) -> bytes:
        """Return the line that ends a stream."""
        return dumps(self._summary({}, outcome, {})) + b"\n"

    def error(self, text: str) -> bytes:
        """Return the line of an error in mid-stream."""
        return dumps({"error": text}) + b"\n"

    def whole(self, tokens: list[tuple[Kind, Any]], outcome: Outcome) -> Any:
        """Return the answer in one piece."""
        return self._summary(joined(tokens), outcome, self._logprobs(tokens))

    def empty(self, done_reason: str) -> Any:
        """Return the answer to a request that only loads or unloads."""
        done = {"done": True, "done_reason": done_reason}
        return self._head() | self._body({}) | done

    def _summary(
        self, parts: dict[Kind, Any], outcome: Outcome, logprobs: dict[str, Any]
    ) -> dict[str, Any]:
        done = {"done": True, "done_reason": outcome.done_reason}
        context = {} if self._context is None else {"context": self._context}
        body = self._body(parts)
        return self._head() | body | done | context | logprobs | outcome.view()

    def _head(self) -> dict[str, Any]:
        return {"model": self._model, "created_at": self._clock.stamp().decode()}

    def _body(self, parts: dict[Kind, Any]) -> dict[str, Any]:
        content, thinking = parts.get(Kind.CONTENT, ""), parts.get(Kind.THINKING)
        body = {"content" if self._chat else "response": content}
        body |= {"thinking": thinking} if thinking else {}
        if Kind.TOOL_CALL in parts:
            body |= {"tool_calls": [parts[Kind.TOOL_CALL]]}
        return {"message": {"role": "assistant", **body}} if self._chat else body

    def _logprobs(self, tokens: list[tuple[Kind, Any]]) -> dict[str, Any]:
        if self._top_logprobs is None:
            return {}
        texts = [value for kind, value in tokens if kind is Kind.CONTENT]
        return {"logprobs": [logprob(text, self._top_logprobs) for text in texts]}


_CHAT_CONTENT = b'%b%b","message":{"role":"assistant","content":%b},"done":false}\n'
_GENERATE_CONTENT = b'%b%b","response":%b,"done":false}\n'


def joined(tokens: list[tuple[Kind, Any]]) -> dict[Kind, Any]:
    """Join the tokens of each kind."""
    parts: dict[Kind, Any] = {}
    for kind, value in tokens:
        parts[kind] = parts[kind] + value if kind in parts else value
    return parts
