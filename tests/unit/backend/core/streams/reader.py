"""A reader of a job's stream, as a test drives it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import Kind, OnDisconnect, Priority, State
from backend.core.streams.follow import Follower, Silence
from backend.core.streams.frames import START, EntryId, EventName, Frame
from backend.core.streams.mailbox import Mailbox

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(**over: Any) -> JobRecord:
    values: dict[str, Any] = dict.fromkeys(JobRecord.__slots__)
    values |= {
        "id": "j",
        "owner_id": 1,
        "kind": Kind.CHAT,
        "model": "m:latest",
        "requested_model": "m",
        "lane": "gen:m:latest",
        "priority": Priority.NORMAL,
        "queue_rank": 0,
        "state": State.RUNNING,
        "attempt": 1,
        "failures": 0,
        "created_at": NOW,
        "on_disconnect": OnDisconnect.CONTINUE,
        "payload_expired": False,
    }
    return JobRecord(**(values | over))


def ended(**over: Any) -> JobRecord:
    values = {
        "state": State.SUCCEEDED,
        "last_event_id": "1-4",
        "result": {"text": "abc"},
    }
    return job(**(values | over))


def tokens(attempt: int, seq: int, text: str = "x", offset: int | None = None) -> Frame:
    data = {"text_offset": seq - 1 if offset is None else offset, "text": text}
    return Frame(EventName.TOKENS, orjson.dumps(data), EntryId(attempt, seq))


def end(attempt: int, seq: int) -> Frame:
    return Frame(EventName.END, b"{}", EntryId(attempt, seq))


def reset(attempt: int) -> Frame:
    return Frame(EventName.RESET, b"{}", EntryId(attempt, 0))


class FakeRecord:
    """A stream as Redis keeps it; None is a Redis that is away."""

    def __init__(self, *frames: Frame) -> None:
        self.frames: list[Frame] | None = list(frames)
        self.asked: list[EntryId] = []

    def after(self, job_id: str, place: EntryId) -> list[Frame] | None:
        self.asked.append(place)
        if self.frames is None:
            return None
        return [frame for frame in self.frames if frame.id and frame.id > place]


class Reader:
    """A follower with its mailbox, as a test drives it."""

    def __init__(
        self,
        record: FakeRecord,
        row: JobRecord | None = None,
        *,
        after: EntryId = START,
        is_new: bool = False,
    ) -> None:
        self.box = Mailbox("j")
        self.stored: JobRecord | None = None
        self.follower = Follower(
            row or job(),
            self.box,
            record=record,  # type: ignore[arg-type]  # has the same method
            read_job=lambda _: self.stored,
            after=after,
            look_seconds=0.001,
            is_new=is_new,
        )
        self._batches: Iterator[Any] = self.follower.batches()

    def next(self, *mail: Any) -> list[str]:
        """Deliver mail and tell what the reader gets, as `event id`."""
        for one in mail:
            self.box.put(one)
        return [told(one) for one in next(self._batches)]

    def rest(self) -> list[str]:
        return [told(one) for batch in self._batches for one in batch]


def told(one: Any) -> str:
    if isinstance(one, Silence):
        return "silence"
    return f"{one.event} {one.id}" if one.id else one.event
