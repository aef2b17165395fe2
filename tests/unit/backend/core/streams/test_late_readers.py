"""JOBS.md 21: who comes when the job has ended."""

import pytest

from backend.core.jobs.states import State
from backend.core.streams.frames import LAST_SEQ, EntryId, Frame
from tests.unit.backend.core.streams.reader import (
    FakeRecord,
    Reader,
    end,
    ended,
    reset,
    tokens,
)


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
