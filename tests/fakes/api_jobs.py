"""Jobs of the fake API: what one looks like is a function of its plan and the time."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Pace:
    """How fast a fake job goes."""

    queue_seconds: float = 0.0
    load_seconds: float = 0.0
    tokens_per_second: float = 1000.0


@dataclass
class FakeJob:
    """A job that answers by the clock, without a thread."""

    id: str
    kind: str
    model: str
    request: Json
    metadata: Json
    created: float  # seconds of the fake's clock
    born: datetime
    pace: Pace
    words: list[str]
    thoughts: list[str] = field(default_factory=list)
    fails_after: int | None = None
    restarts_after: int | None = None
    owner: str = "ada"
    cancelled: float | None = None
    keeps_payload: bool = True

    @property
    def starts(self) -> float:
        return self.created + self.pace.queue_seconds

    @property
    def generates(self) -> float:
        return self.starts + self.pace.load_seconds

    def steps(self) -> list[tuple[int, Json]]:
        """List (attempt, tokens frame) of its whole life; an empty frame is a reset."""
        lost = self.words[: self.restarts_after or 0]
        first = list(_frames(1, [], lost)) if lost else []
        attempt = 2 if lost else 1
        frames = list(_frames(attempt, self.thoughts, self.words))
        return [*first, *([(2, {})] if lost else []), *frames][: self.fails_after]

    def produced(self, now: float) -> int:
        """Count the steps done by now."""
        until = now if self.cancelled is None else min(now, self.cancelled)
        ready = int(max(until - self.generates, 0) * self.pace.tokens_per_second)
        return min(ready, len(self.steps()))

    def state(self, now: float) -> str:
        done = self.produced(now) == len(self.steps()) and now >= self.generates
        if done:
            return "failed" if self.fails_after is not None else "succeeded"
        if self.cancelled is not None:
            return "cancelled"
        return "queued" if now < self.starts else "running"

    def is_final(self, now: float) -> bool:
        return self.state(now) not in ("queued", "running")

    def events(self, now: float) -> list[Json]:
        """List the stream's entries so far, and the end if it has come."""
        listed, last = [], "1-0"
        seqs: dict[int, itertools.count[int]] = {}
        for attempt, frame in self.steps()[: self.produced(now)]:
            seq = next(seqs.setdefault(attempt, itertools.count(1 if frame else 0)))
            last = f"{attempt}-{seq}"
            listed.append(_event(last, frame, attempt))
        if self.is_final(now):
            attempt_, _, seq_ = last.partition("-")
            end_id = f"{attempt_}-{int(seq_) + 1}"
            listed.append({"id": end_id, "event": "end", "data": self._end(now)})
        return listed

    def state_event(self, now: float) -> Json:
        state = self.state(now)
        data: Json = {"id": self.id, "state": state, "attempt": 1, "model": self.model}
        if state == "queued":
            left = self.starts - now
            data |= {"position": int(left) + 1, "eta_seconds": round(left, 1)}
        elif now < self.generates:
            data["progress"] = self._loading(now)
        data["node"] = None if state == "queued" else "local"
        return {"id": None, "event": "state", "data": data}

    def view(self, now: float, *, whole: bool) -> Json:
        state = self.state(now)
        final = self.is_final(now)
        shown: Json = {
            "id": self.id,
            "kind": self.kind,
            "model": self.model,
            "served_model": self.model,
            "state": state,
            "attempt": 1,
            "failures": 0,
            "priority": "normal",
            "position": 1 if state == "queued" else None,
            "eta_seconds": None,
            "node": "local",
            "created_at": self.born.isoformat(),
            "started_at": self._at(self.starts) if now >= self.starts else None,
            "first_token_at": self._at(self.generates + 0.05)
            if now >= self.generates
            else None,
            "finished_at": self._at(now) if final else None,
            "result": self._result(now) if final and self.keeps_payload else None,
            "usage": self._usage(now) if final else None,
            "timings": None,
            "error": self._error(now),
            "metadata": self.metadata,
            "links": {},
        }
        return shown | (
            {"request": self.request} if whole and self.keeps_payload else {}
        )

    def _at(self, moment: float) -> str:
        return (self.born + timedelta(seconds=moment - self.created)).isoformat()

    def _loading(self, now: float) -> Json:
        done = (now - self.starts) / max(self.pace.load_seconds, 0.001)
        return {"status": "loading model", "completed": int(done * 100), "total": 100}

    def _text(self, now: float) -> tuple[str, str]:
        text = thinking = ""
        for _attempt, frame in self.steps()[: self.produced(now)]:
            if "text" in frame:
                text = text[: frame["text_offset"]] + frame["text"]
            if "thinking" in frame:
                thinking = thinking[: frame["thinking_offset"]] + frame["thinking"]
        return text, thinking

    def _result(self, now: float) -> Json | None:
        if self.state(now) != "succeeded":
            return None
        text, thinking = self._text(now)
        message: Json = {"role": "assistant", "content": text}
        return {
            "message": message | ({"thinking": thinking} if thinking else {}),
            "done_reason": "stop",
        }

    def _usage(self, now: float) -> Json:
        return {"prompt_tokens": 12, "completion_tokens": self.produced(now)}

    def _error(self, now: float) -> Json | None:
        if self.state(now) != "failed":
            return None
        return {
            "code": "out_of_memory",
            "message": "The model needs 9.1 GB, 4.0 GB are free.",
            "attempts": 4,
            "retryable": True,
        }

    def _end(self, now: float) -> Json:
        return {
            "id": self.id,
            "state": self.state(now),
            "done_reason": "stop" if self.state(now) == "succeeded" else None,
            "usage": self._usage(now),
            "timings": None,
            "error": self._error(now),
            "served_model": self.model,
        }


def _frames(
    attempt: int, thoughts: list[str], words: list[str]
) -> Iterator[tuple[int, Json]]:
    offset = 0
    for word in thoughts:
        yield attempt, {"thinking_offset": offset, "thinking": word, "text_offset": 0}
        offset += len(word)
    offset = 0
    for word in words:
        yield attempt, {"text_offset": offset, "text": word}
        offset += len(word)


def _event(entry: str, frame: Json, attempt: int) -> Json:
    if not frame:
        data: Json = {"attempt": attempt, "reason": "worker_lost"}
        return {"id": entry, "event": "reset", "data": data}
    return {"id": entry, "event": "tokens", "data": frame}


def now_utc() -> datetime:
    return datetime.now(tz=UTC)
