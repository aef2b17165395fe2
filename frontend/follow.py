"""Put a job's stream together again; pure, so that every way it can break is tested.

    tokens   keep old[:offset] + new, by code points (Python's own way to count)
    reset    a later attempt starts over: forget the text
    state    where the job is: position, loading progress, node
    end      nothing comes any more

An entry's id is `<attempt>-<seq>`. What is older than the last one seen is a repeat, or
a dead attempt's, and is dropped; an equal id is applied again, since a late reader gets
the whole text and the end under the same id and offsets make the repeat harmless.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from frontend.replies import JobFailure, JobState, Progress, Tail, Usage

EntryId = tuple[int, int]
Data = Mapping[str, Any]  # JSON, checked where it is used
Shape = TypeVar("Shape", Progress, Usage, JobFailure)


class LostTextError(Exception):
    """A piece of the stream is missing; read it again from its beginning."""


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended."""

    state: JobState
    done_reason: str | None = None
    usage: Usage | None = None
    error: JobFailure | None = None
    served_model: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of an answer that may still be coming."""

    text: str = ""
    thinking: str = ""
    tool_calls: Mapping[int, Data] = field(default_factory=dict)
    last_id: str | None = None
    state: JobState = JobState.QUEUED
    position: int | None = None
    eta_seconds: float | None = None
    node: str | None = None
    progress: Progress | None = None
    restarts: int = 0
    end: End | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether nothing comes any more."""
        return self.end is not None

    @property
    def has_begun(self) -> bool:
        """Tell whether there is anything to show."""
        return bool(self.text or self.thinking or self.tool_calls)


def entry_id(raw: str | None) -> EntryId:
    """Make an entry id comparable; no id is before all others."""
    if not raw:
        return (0, -1)
    attempt, _, seq = raw.partition("-")
    return (int(attempt), int(seq or 0))


def take(answer: Answer, tail: Tail) -> Answer:
    """Apply one poll. A final state with nothing more to read is an end, too."""
    merged = merge(answer, tail.events)
    if isinstance(tail.state, Mapping):
        return with_state(merged, tail.state)
    if not tail.state or merged.is_over:
        return merged
    state = JobState(tail.state)
    has_more = any(event.get("id") for event in tail.events)
    end = End(state) if state.is_final and not has_more else None
    return replace(merged, state=state, end=end)


def merge(answer: Answer, events: Iterable[Data]) -> Answer:
    """Apply stream events in their order."""
    for event in events:
        answer = _apply(answer, event)
    return answer


def _apply(answer: Answer, event: Data) -> Answer:
    kind, data, raw_id = (
        str(event.get("event")),
        event.get("data") or {},
        event.get("id"),
    )
    if kind == "state":
        return with_state(answer, data)
    if kind not in _STEPS or entry_id(raw_id) < entry_id(answer.last_id):
        return answer
    if kind == "tokens" and _is_of_a_later_attempt(answer, raw_id):
        answer = _forget(answer)
    return replace(_STEPS[kind](answer, data), last_id=raw_id or answer.last_id)


def _is_of_a_later_attempt(answer: Answer, raw_id: str | None) -> bool:
    seen = entry_id(answer.last_id)[0]
    return 0 < seen < entry_id(raw_id)[0]


def _forget(answer: Answer) -> Answer:
    return replace(
        answer,
        text="",
        thinking="",
        tool_calls={},
        end=None,
        restarts=answer.restarts + answer.has_begun,
    )


def with_state(answer: Answer, data: Data) -> Answer:
    """Take over where the job is now."""
    return replace(
        answer,
        state=JobState(data["state"]) if data.get("state") else answer.state,
        position=data.get("position"),
        eta_seconds=data.get("eta_seconds"),
        node=data.get("node") or answer.node,
        progress=_read(Progress, data.get("progress")),
    )


def _tokens(answer: Answer, data: Data) -> Answer:
    calls = {int(call.get("index", 0)): call for call in data.get("tool_calls") or ()}
    return replace(
        answer,
        text=_joined(answer.text, data.get("text_offset"), data.get("text")),
        thinking=_joined(
            answer.thinking, data.get("thinking_offset"), data.get("thinking")
        ),
        tool_calls={**answer.tool_calls, **calls},
        state=JobState.RUNNING,
        progress=None,
    )


def _joined(old: str, offset: int | None, new: str | None) -> str:
    if new is None:
        return old
    start = len(old) if offset is None else offset
    if start > len(old):
        raise LostTextError
    return old[:start] + new


def _reset(answer: Answer, _data: Data) -> Answer:
    return _forget(answer)


def _end(answer: Answer, data: Data) -> Answer:
    state = JobState(data.get("state") or JobState.SUCCEEDED)
    end = End(
        state=state,
        done_reason=data.get("done_reason"),
        usage=_read(Usage, data.get("usage")),
        error=_read(JobFailure, data.get("error")),
        served_model=data.get("served_model"),
    )
    return replace(answer, end=end, state=state, position=None, progress=None)


def _read(shape: type[Shape], data: object) -> Shape | None:
    return shape.model_validate(data) if isinstance(data, Mapping) else None


_STEPS = {"tokens": _tokens, "reset": _reset, "end": _end}
