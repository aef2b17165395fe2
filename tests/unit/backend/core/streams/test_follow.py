"""JOBS.md 18 to 21: a reader's way to the end, whatever is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import Kind, OnDisconnect, Priority, State
from backend.core.streams.follow import Follower, Silence, end_of, last_place, state_of
from backend.core.streams.frames import LAST_SEQ, START, EntryId, EventName, Frame
from backend.core.streams.hub import REREAD, Mailbox

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


def test_a_new_jobs_reader_hears_frames_and_asks_nobody() -> None:
    record = FakeRecord()
    reader = Reader(record, is_new=True)

    assert reader.next(tokens(1, 1), tokens(1, 2)) == ["tokens 1-1", "tokens 1-2"]
    assert reader.next(end(1, 3)) == ["end 1-3"]
    assert reader.rest() == []
    assert record.asked == []


def test_a_late_reader_begins_with_the_record() -> None:
    reader = Reader(FakeRecord(tokens(1, 1), tokens(1, 2)))

    assert reader.next() == ["tokens 1-1", "tokens 1-2"]
    assert reader.next(tokens(1, 2), tokens(1, 3)) == ["tokens 1-3"]


def test_a_reader_that_comes_back_gets_only_what_it_lacks() -> None:
    reader = Reader(FakeRecord(tokens(1, 1), tokens(1, 2)), after=EntryId(1, 1))

    assert reader.next() == ["tokens 1-2"]


def test_rule_19_a_gap_is_read_from_the_record() -> None:
    record = FakeRecord()
    reader = Reader(record, is_new=True)
    reader.next(tokens(1, 1))
    record.frames = [tokens(1, 1), tokens(1, 2), tokens(1, 3)]

    assert reader.next(tokens(1, 3)) == ["tokens 1-2", "tokens 1-3"]


def test_duplicates_are_dropped() -> None:
    reader = Reader(FakeRecord(), is_new=True)

    assert reader.next(tokens(1, 1), tokens(1, 1), tokens(1, 2)) == [
        "tokens 1-1",
        "tokens 1-2",
    ]


def test_a_state_has_no_place_and_is_passed_on() -> None:
    reader = Reader(FakeRecord(), is_new=True)

    assert reader.next(Frame(EventName.STATE, b"{}")) == ["state"]


def test_a_second_attempt_begins_with_its_reset() -> None:
    reader = Reader(FakeRecord(), is_new=True)
    reader.next(tokens(1, 1))

    assert reader.next(reset(2), tokens(2, 1)) == ["reset 2-0", "tokens 2-1"]


def test_a_missed_reset_is_read_from_the_record() -> None:
    record = FakeRecord()
    reader = Reader(record, is_new=True)
    reader.next(tokens(1, 1))
    record.frames = [tokens(1, 1), reset(2), tokens(2, 1)]

    assert reader.next(tokens(2, 1)) == ["reset 2-0", "tokens 2-1"]


def test_nothing_is_told_after_the_end() -> None:
    reader = Reader(FakeRecord(), is_new=True)

    assert reader.next(tokens(1, 1), end(1, 2), tokens(2, 1)) == [
        "tokens 1-1",
        "end 1-2",
    ]
    assert reader.rest() == []


def test_rule_20_an_outsiders_end_ends_the_stream() -> None:
    record = FakeRecord(tokens(1, 1), end(1, LAST_SEQ))
    reader = Reader(record, is_new=True)

    assert reader.next(tokens(1, 1)) == ["tokens 1-1"]
    assert reader.next(end(1, LAST_SEQ)) == [f"end 1-{LAST_SEQ}"]


def test_a_cancel_in_the_queue_ends_attempt_zero() -> None:
    record = FakeRecord(end(0, LAST_SEQ))
    reader = Reader(record, job(state=State.QUEUED, attempt=0), is_new=True)

    assert reader.next(end(0, LAST_SEQ)) == [f"end 0-{LAST_SEQ}"]


def test_a_moment_without_news_is_silence() -> None:
    reader = Reader(FakeRecord(), is_new=True)

    assert reader.next() == ["silence"]
    assert reader.next(tokens(1, 1)) == ["tokens 1-1"]


def test_a_mailbox_that_may_have_missed_something_is_read_again() -> None:
    record = FakeRecord(tokens(1, 1))
    reader = Reader(record, is_new=True)

    assert reader.next(REREAD) == ["tokens 1-1"]


def test_without_redis_a_reader_waits_for_the_database() -> None:
    record = FakeRecord()
    record.frames = None
    reader = Reader(record)
    reader.stored = ended()

    assert reader.next() == []
    assert reader.next(tokens(1, 3)) == []
    assert reader.next(ended()) == ["tokens 1-4", "end 1-4"]


def test_rule_20_a_lost_end_is_found_in_the_database() -> None:
    record = FakeRecord(tokens(1, 1), tokens(1, 2))
    reader = Reader(record)
    reader.stored = ended(last_event_id="1-3")
    reader.next()

    assert reader.next(ended(last_event_id="1-3")) == ["tokens 1-3", "end 1-3"]


def test_an_end_that_the_record_has_is_taken_from_there() -> None:
    record = FakeRecord()
    reader = Reader(record, is_new=True)
    record.frames = [tokens(1, 1), end(1, 2)]

    assert reader.next(ended()) == ["tokens 1-1", "end 1-2"]


def test_a_row_that_moved_is_told_as_a_state_once() -> None:
    reader = Reader(FakeRecord(), job(state=State.QUEUED, attempt=0), is_new=True)
    running = job()

    assert reader.next(running) == ["state"]
    assert reader.next(running) == []


def test_rule_21_a_late_reader_gets_the_whole_stream_if_it_is_there() -> None:
    record = FakeRecord(tokens(1, 1), reset(2), tokens(2, 1), end(2, 2))

    assert Reader(record, ended(attempt=2)).rest() == [
        "tokens 1-1",
        "reset 2-0",
        "tokens 2-1",
        "end 2-2",
    ]


@pytest.mark.parametrize(
    "kept",
    [
        [],
        [tokens(1, 2), end(1, 3)],
        [tokens(1, 1), tokens(1, 2)],
        [tokens(1, 1), tokens(1, 3), end(1, 4)],
    ],
)
def test_rule_21_where_the_stream_is_not_whole_the_result_is_one_frame(
    kept: list[Frame],
) -> None:
    reader = Reader(FakeRecord(*kept), ended())
    reader.stored = ended()

    assert reader.rest() == ["tokens 1-4", "end 1-4"]


def test_rule_21_a_reader_of_an_older_attempt_gets_a_reset_first() -> None:
    row = ended(attempt=3, last_event_id="3-4")

    assert Reader(FakeRecord(), row, after=EntryId(1, 7)).rest() == [
        "reset 3-0",
        "tokens 3-4",
        "end 3-4",
    ]


def test_who_has_all_text_gets_the_end_again() -> None:
    reader = Reader(FakeRecord(), ended(), after=EntryId(1, 4))

    assert reader.rest() == ["end 1-4"]


def test_a_job_that_ended_without_text_has_only_an_end() -> None:
    row = ended(state=State.CANCELLED, result=None, last_event_id=None)

    assert Reader(FakeRecord(), row).rest() == [f"end 1-{LAST_SEQ}"]


def test_frames_come_one_by_one_too() -> None:
    reader = Reader(FakeRecord(tokens(1, 1), end(1, 2)), ended())

    assert [told(one) for one in reader.follower.frames()] == ["tokens 1-1", "end 1-2"]


def test_the_last_place_of_a_job_is_the_stored_one_or_the_very_last() -> None:
    assert last_place(ended()) == EntryId(1, 4)
    assert last_place(ended(last_event_id=None)) == EntryId(1, LAST_SEQ)


def test_the_end_of_an_embedding_carries_its_result() -> None:
    embeds = orjson.loads(end_of(ended(result={"embeddings": [[1.0]]})))
    chats = orjson.loads(end_of(ended(prompt_tokens=3, done_reason="stop")))

    assert embeds["result"] == {"embeddings": [[1.0]]}
    assert "result" not in chats
    assert chats["usage"]["prompt_tokens"] == 3


def test_a_place_in_the_queue_is_told_only_while_queued() -> None:
    queued = orjson.loads(
        state_of(job(state=State.QUEUED), position=3, eta_seconds=2.0)
    )
    running = orjson.loads(
        state_of(job(progress={"status": "loading"}), position=3, eta_seconds=2.0)
    )

    assert (queued["position"], queued["eta_seconds"]) == (3, 2.0)
    assert "progress" not in queued
    assert (running["position"], running["progress"]) == (None, {"status": "loading"})
