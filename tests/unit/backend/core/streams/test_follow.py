"""JOBS.md 18 to 20: a reader's way to the end, whatever is lost."""

import orjson

from backend.core.jobs.states import Kind, State
from backend.core.streams.follow import end_of, last_place, state_of
from backend.core.streams.frames import (
    LAST_SEQ,
    EntryId,
    EventName,
    Frame,
    end_data,
)
from backend.core.streams.mailbox import REREAD
from tests.unit.backend.core.streams.reader import (
    FakeRecord,
    Reader,
    end,
    ended,
    job,
    reset,
    tokens,
    told,
)


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


def test_rule_18_a_reset_that_was_lost_is_made_up() -> None:
    record = FakeRecord(tokens(2, 1), tokens(2, 2))
    reader = Reader(record, job(attempt=2), after=EntryId(1, 5))

    assert reader.next() == ["reset 2-0", "tokens 2-1", "tokens 2-2"]
    assert reader.next(tokens(2, 3)) == ["tokens 2-3"]


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


def stored_end(attempt: int, seq: int) -> Frame:
    data = end_data("j", State.SUCCEEDED, is_stored=True)
    return Frame(EventName.END, data, EntryId(attempt, seq))


def test_an_end_that_leaves_its_result_out_is_given_with_it() -> None:
    vectors = {"embeddings": [[0.5, 0.25]]}
    row = ended(kind=Kind.EMBED, result=vectors)
    reader = Reader(FakeRecord(stored_end(1, 1)), row)
    reader.stored = row
    (frame,) = reader.follower.frames()

    assert isinstance(frame, Frame)
    assert frame.id == EntryId(1, 1)
    assert orjson.loads(frame.data)["result"] == vectors


def test_the_end_of_a_job_that_is_gone_stays_without_its_result() -> None:
    reader = Reader(FakeRecord(stored_end(1, 1)), ended(kind=Kind.EMBED))
    (frame,) = reader.follower.frames()

    assert frame == stored_end(1, 1)


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
