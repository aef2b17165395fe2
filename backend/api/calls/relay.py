"""A job's answer as it grows, for protocols that can take nothing back.

The frames of a job say where their text belongs, so what comes twice is cut off here.
After a `reset` such a protocol cannot go on, unless its caller was told nothing yet
(JOBS.md 21): whether it was, the stream knows (`stream`).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from backend.api.calls.failure import failure
from backend.core.errors import AppError
from backend.core.jobs.states import State
from backend.core.streams.follow import Follower, Silence, Told
from backend.core.streams.frames import EventName, Frame

ToolCall = dict[str, Any]  # in Ollama's form, with its `index`


@dataclass(frozen=True, slots=True)
class Delta:
    """What the model said since the last one."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[dict[str, Any], ...] = ()
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing was said for a moment; `what` the job is waiting for."""

    what: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a node is with its work: `{status, completed, total, …}`."""

    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Restarted:
    """The answer begins anew: what the model said so far is void."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the job ended; `error` is why there is no answer, or not all of it."""

    error: AppError | None = None
    done_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    served_model: str | None = None
    timings: dict[str, Any] = field(default_factory=dict)
    attempt: int = 1


Step = Delta | Waiting | Progress | Restarted | Ended


class Relay:
    """Turns what a follower tells into steps; the last one is `Ended`."""

    def __init__(self, follower: Follower) -> None:
        """Follow a job from its beginning."""
        self._follower = follower
        self._text = 0
        self._thinking = 0
        self._calls = 0
        self._logprobs = 0
        self._attempt = 1
        self.has_ended = False
        self._what = "queued"
        self.node: str | None = None
        self.began_at = time.monotonic()
        self.ran_at: float | None = None

    def steps(self) -> Iterator[list[Step]]:
        """Give what there is at once, again and again, up to `Ended`."""
        for batch in self._follower.batches():
            yield self._steps(batch)
            if self.has_ended:
                return

    def _steps(self, batch: list[Told]) -> list[Step]:
        steps = list[Step]()
        for told in batch:
            if self._has_said and self._begins_anew(told):
                # What was not passed on yet need not be.
                steps = [Restarted()]
                self._text = self._thinking = self._calls = self._logprobs = 0
            steps += self._told(told)
            if self.has_ended:
                break
        return steps

    @property
    def _has_said(self) -> bool:
        return bool(self._text or self._thinking or self._calls or self._logprobs)

    @staticmethod
    def _begins_anew(told: Told) -> bool:
        """Tell whether what comes next comes from its beginning."""
        if isinstance(told, Silence) or told.event == EventName.TOKENS:
            return False
        if told.event == EventName.RESET:
            return True
        is_state = told.event == EventName.STATE
        return is_state and bool(orjson.loads(told.data)["state"] == State.QUEUED)

    def _told(self, told: Told) -> Iterator[Step]:
        if isinstance(told, Silence):
            yield Waiting(self._what)
        elif told.event == EventName.TOKENS:
            yield from self._tokens(told)
        elif told.event == EventName.STATE:
            yield from self._state(orjson.loads(told.data))
        elif told.event == EventName.END:
            yield self._end(told)

    def _tokens(self, frame: Frame) -> Iterator[Delta]:
        self._runs()
        self._note_attempt(frame)
        data = orjson.loads(frame.data)
        text = data["text"][max(0, self._text - data["text_offset"]) :]
        thinking = data.get("thinking", "")
        thinking = thinking[max(0, self._thinking - data.get("thinking_offset", 0)) :]
        calls = tuple(
            call for call in data.get("tool_calls", ()) if call["index"] >= self._calls
        )
        logprobs = self._probabilities(data) if "logprobs" in data else ()
        self._text += len(text)
        self._thinking += len(thinking)
        self._calls += len(calls)
        if text or thinking or calls or logprobs:
            yield Delta(text, thinking, calls, logprobs, self._attempt)

    def _probabilities(self, data: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        new = data["logprobs"][max(0, self._logprobs - data["logprobs_offset"]) :]
        self._logprobs += len(new)
        return tuple(new)

    def _state(self, data: dict[str, Any]) -> Iterator[Progress]:
        if data["state"] == State.RUNNING:
            self._runs()
        self.node = data["node"] or self.node
        progress = data.get("progress") or {}
        self._what = progress.get("status", data["state"])
        if progress:
            yield Progress(progress)

    def _note_attempt(self, frame: Frame) -> None:
        if frame.id is not None:
            self._attempt = max(1, frame.id.attempt)

    def _runs(self) -> None:
        if self.ran_at is None:
            self.ran_at = time.monotonic()

    def _end(self, frame: Frame) -> Ended:
        self.has_ended = True
        self._note_attempt(frame)
        data = orjson.loads(frame.data)
        return Ended(
            error=failure(State(data["state"]), data["error"]),
            done_reason=data["done_reason"],
            prompt_tokens=data["usage"]["prompt_tokens"] or 0,
            completion_tokens=data["usage"]["completion_tokens"] or 0,
            served_model=data["served_model"],
            timings=data["timings"] or {},
            attempt=self._attempt,
        )
