"""What came back: an answer's text, counts and times, as the job stores them (pure)."""

from dataclasses import dataclass
from typing import Any

from backend.core.jobs.states import Kind
from backend.core.streams.text import GrowingText

_NANOSECONDS_PER_MS = 1_000_000
_DURATIONS = (
    "total_duration",
    "load_duration",
    "prompt_eval_duration",
    "eval_duration",
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one line of an answer adds."""

    text: str
    thinking: str
    tool_calls: list[dict[str, Any]] | None
    last: dict[str, Any] | None
    logprobs: list[dict[str, Any]] | None = None

    @property
    def anything(self) -> bool:
        """Tell whether there is something to send on."""
        return bool(self.text or self.thinking or self.tool_calls or self.logprobs)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    result: dict[str, Any]
    done_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    durations: dict[str, Any]


def read_lines(kind: Kind, lines: list[dict[str, Any]]) -> Said:
    """Join what the lines of one socket read say."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    logprobs: list[dict[str, Any]] = []
    last = None
    for line in lines:
        said = line.get("message") or {} if kind is Kind.CHAT else line
        texts.append(said.get("content" if kind is Kind.CHAT else "response") or "")
        thoughts.append(said.get("thinking") or "")
        calls += said.get("tool_calls") or ()
        logprobs += line.get("logprobs") or ()
        if line.get("done"):
            last = line
    return Said(
        "".join(texts), "".join(thoughts), calls or None, last, logprobs or None
    )


def whole_reply(kind: Kind, text: GrowingText, last: dict[str, Any]) -> Reply:
    """Put an answer together from its text and its last line."""
    reason = last.get("done_reason") or None
    return Reply(
        result=_result(kind, text, reason),
        done_reason=reason,
        prompt_tokens=last.get("prompt_eval_count"),
        completion_tokens=last.get("eval_count"),
        durations=durations_of(last),
    )


def _result(kind: Kind, text: GrowingText, reason: str | None) -> dict[str, Any]:
    thinking = {"thinking": text.thinking} if text.thinking else {}
    end: dict[str, Any] = {"done_reason": reason}
    if text.logprobs:
        end["logprobs"] = text.logprobs
    if kind is Kind.GENERATE:
        return {"text": text.text, **thinking, **end}
    calls = {"tool_calls": text.tool_calls} if text.tool_calls else {}
    message = {"role": "assistant", "content": text.text, **thinking, **calls}
    return {"message": message, **end}


def durations_of(last: dict[str, Any]) -> dict[str, Any]:
    """Turn Ollama's nanoseconds into milliseconds, as `<what>_ms`."""
    return {
        name.replace("duration", "ms"): round(last[name] / _NANOSECONDS_PER_MS, 3)
        for name in _DURATIONS
        if isinstance(last.get(name), int)
    }
