"""What a response on Ollama's OpenAI paths is made of."""

import time
from typing import Any

from ollama_sim.answer import Kind
from ollama_sim.go_json import dumps
from ollama_sim.lines import Outcome, joined


def _event(value: Any) -> bytes:
    return b"data: " + dumps(value) + b"\n\n"


# Any: JSON.
class OpenAiLines:
    """Writes server-sent events, of chats or of plain completions."""

    content_type = b"text/event-stream"
    whole_type = b"application/json"

    def __init__(self, model: str, number: int, *, chat: bool, usage: bool) -> None:
        self._model = model
        self._chat = chat
        self._usage = usage
        self._called = False
        self._id = f"{'chatcmpl' if chat else 'cmpl'}-{number % 1000}"
        self._created = int(time.time())

    def token(self, kind: Kind, value: Any) -> bytes:
        """Return the event of a token."""
        self._called |= kind is Kind.TOOL_CALL
        return _event(self._chunk([self._choice(self._delta({kind: value}), None)]))

    def last(self, outcome: Outcome) -> bytes:
        """Return what ends a stream."""
        reason = self._finish_reason(outcome)
        events = _event(self._chunk([self._choice(self._delta({}), reason)]))
        if self._usage:
            events += _event(self._chunk([]) | {"usage": _usage(outcome)})
        return events + b"data: [DONE]\n\n"

    def error(self, text: str) -> bytes:
        """Return what a broken stream has: not the error, but an empty chunk."""
        del text
        choice = self._choice(self._delta({}), None)
        return _event(self._chunk([choice]) | {"model": ""})

    def whole(self, tokens: list[tuple[Kind, Any]], outcome: Outcome) -> Any:
        """Return the answer in one piece."""
        parts = joined(tokens)
        self._called = Kind.TOOL_CALL in parts
        reason = self._finish_reason(outcome)
        choice = self._choice(self._delta(parts), reason, name="message")
        kind = "chat.completion" if self._chat else "text_completion"
        head = self._head(kind)
        return head | {"choices": [choice], "usage": _usage(outcome)}

    def _chunk(self, choices: list[Any]) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self._chat else "text_completion"
        return self._head(kind) | {"choices": choices}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": "fp_ollama",
        }

    def _choice(
        self, delta: dict[str, Any], reason: str | None, *, name: str = "delta"
    ) -> dict[str, Any]:
        if not self._chat:
            text = delta["content"]
            return {"text": text, "index": 0, "finish_reason": reason}
        return {"index": 0, name: delta, "finish_reason": reason}

    def _delta(self, parts: dict[Kind, Any]) -> dict[str, Any]:
        delta = {"role": "assistant", "content": parts.get(Kind.CONTENT, "")}
        if parts.get(Kind.THINKING):
            delta["reasoning"] = parts[Kind.THINKING]
        if Kind.TOOL_CALL in parts:
            delta["tool_calls"] = [_openai_call(parts[Kind.TOOL_CALL])]
        return delta

    def _finish_reason(self, outcome: Outcome) -> str:
        return "tool_calls" if self._called else outcome.done_reason


def _openai_call(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    arguments = dumps(function["arguments"]).decode()
    return {
        "id": call["id"],
        "index": function["index"],
        "type": "function",
        "function": {"name": function["name"], "arguments": arguments},
    }


def _usage(outcome: Outcome) -> dict[str, int]:
    prompt, tokens = outcome.prompt_tokens, outcome.tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": tokens,
        "total_tokens": prompt + tokens,
    }
