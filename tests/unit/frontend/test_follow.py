import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.follow import Answer, LostTextError, entry_id, merge, take
from frontend.replies import JobState, Tail

Event = dict[str, object]
LAST_SEQ = 18446744073709551615


def tokens(entry: str, offset: int, text: str) -> Event:
    return {
        "id": entry,
        "event": "tokens",
        "data": {"text_offset": offset, "text": text},
    }


def reset(attempt: int) -> Event:
    data = {"attempt": attempt, "reason": "worker_lost"}
    return {"id": f"{attempt}-0", "event": "reset", "data": data}


def end(entry: str, state: str = "succeeded", **more: object) -> Event:
    return {"id": entry, "event": "end", "data": {"state": state, **more}}


def state(**data: object) -> Event:
    return {"id": None, "event": "state", "data": data}


def test_frames_are_joined_by_their_offsets() -> None:
    answer = merge(Answer(), [tokens("1-1", 0, "Hello"), tokens("1-2", 5, " you")])

    assert answer.text == "Hello you"
    assert answer.last_id == "1-2"
    assert answer.state is JobState.RUNNING


def test_offsets_count_code_points_not_bytes() -> None:
    answer = merge(Answer(), [tokens("1-1", 0, "naïve 🐎"), tokens("1-2", 7, "!")])

    assert answer.text == "naïve 🐎!"


def test_a_frame_that_goes_back_replaces_what_followed() -> None:
    answer = merge(Answer(), [tokens("1-1", 0, "Hello"), tokens("1-2", 2, "y")])

    assert answer.text == "Hey"


def test_a_repeated_frame_changes_nothing() -> None:
    once = merge(Answer(), [tokens("1-1", 0, "a"), tokens("1-2", 1, "b")])

    assert merge(once, [tokens("1-1", 0, "a"), tokens("1-2", 1, "b")]) == once


def test_a_missing_piece_is_noticed() -> None:
    with pytest.raises(LostTextError):
        merge(Answer(), [tokens("1-2", 5, "you")])


def test_a_reset_forgets_the_text_and_is_counted() -> None:
    answer = merge(Answer(), [tokens("1-1", 0, "old"), reset(2), tokens("2-1", 0, "n")])

    assert answer.text == "n"
    assert answer.restarts == 1


def test_a_reset_before_any_text_is_nothing_to_tell() -> None:
    assert merge(Answer(), [reset(2)]).restarts == 0


def test_a_dead_attempts_frame_is_dropped() -> None:
    answer = merge(Answer(), [reset(2), tokens("2-1", 0, "new"), tokens("1-9", 0, "z")])

    assert answer.text == "new"


def test_a_later_attempt_whose_reset_was_lost_starts_over_all_the_same() -> None:
    answer = merge(Answer(), [tokens("1-1", 0, "old text"), tokens("2-5", 0, "new")])

    assert answer.text == "new"
    assert answer.restarts == 1


def test_thinking_has_offsets_of_its_own() -> None:
    thought: Event = {
        "id": "1-1",
        "event": "tokens",
        "data": {"text_offset": 0, "text": "", "thinking_offset": 0, "thinking": "hm"},
    }
    answer = merge(Answer(), [thought, tokens("1-2", 0, "Yes")])

    assert (answer.thinking, answer.text) == ("hm", "Yes")


def test_tool_calls_are_replaced_by_their_index() -> None:
    def call(entry: str, name: str) -> Event:
        data = {"tool_calls": [{"index": 0, "function": {"name": name}}]}
        return {"id": entry, "event": "tokens", "data": data}

    answer = merge(Answer(), [call("1-1", "a"), call("1-2", "b")])

    assert [c["function"]["name"] for c in answer.tool_calls.values()] == ["b"]


def test_the_end_tells_how_it_ended() -> None:
    error = {"code": "stalled", "message": "It stopped.", "attempts": 4}
    answer = merge(Answer(), [tokens("1-1", 0, "x"), end("1-2", "failed", error=error)])

    assert answer.is_over
    assert answer.end is not None
    assert answer.end.error is not None
    assert answer.end.error.code == "stalled"
    assert answer.text == "x"


def test_a_late_reader_gets_the_text_and_the_end_under_one_id() -> None:
    answer = merge(Answer(), [tokens("3-7", 0, "all"), end("3-7")])

    assert answer.text == "all"
    assert answer.is_over


def test_recovery_ends_an_attempt_with_the_largest_id() -> None:
    answer = merge(Answer(), [tokens("1-1", 0, "x"), end(f"1-{LAST_SEQ}", "cancelled")])

    assert answer.end is not None
    assert answer.end.state is JobState.CANCELLED


def test_a_job_that_was_cancelled_before_its_first_attempt_ends() -> None:
    assert merge(Answer(), [end(f"0-{LAST_SEQ}", "cancelled")]).is_over


def test_state_tells_position_and_loading_progress() -> None:
    queued = merge(Answer(), [state(state="queued", position=3, eta_seconds=12)])
    progress = {"status": "loading", "completed": 1, "total": 4}
    loading = merge(queued, [state(state="running", node="a", progress=progress)])

    assert (queued.position, queued.eta_seconds) == (3, 12)
    assert loading.progress is not None
    assert loading.progress.fraction == 0.25
    assert loading.node == "a"
    assert loading.position is None


def test_the_first_token_ends_the_loading() -> None:
    loading = merge(Answer(), [state(state="running", progress={"status": "loading"})])

    assert merge(loading, [tokens("1-1", 0, "x")]).progress is None


def test_unknown_events_are_ignored() -> None:
    assert merge(Answer(), [{"id": "1-1", "event": "later", "data": {}}]) == Answer()


def test_a_poll_may_name_the_state_alone() -> None:
    assert take(Answer(), Tail(state="running")).state is JobState.RUNNING


def test_a_poll_may_describe_the_state() -> None:
    answer = take(Answer(), Tail(state={"state": "queued", "position": 2}))

    assert answer.position == 2


def test_a_final_state_with_nothing_left_to_read_is_an_end() -> None:
    more = Tail(state="succeeded", events=(tokens("1-1", 0, "x"),))
    answer = take(Answer(), more)

    assert not answer.is_over
    assert take(answer, Tail(state="succeeded")).is_over


def test_a_poll_without_a_state_keeps_the_one_known() -> None:
    assert take(Answer(state=JobState.RUNNING), Tail()).state is JobState.RUNNING


def test_ids_are_ordered_as_numbers() -> None:
    ids = [None, "0-5", "1-0", "1-9", "1-10", "2-0", "10-0"]

    assert sorted(ids, key=entry_id) == ids


@given(
    st.lists(st.text(max_size=5), max_size=12),
    st.lists(st.integers(0, 11), max_size=8),
)
def test_any_repeats_and_steps_back_join_to_the_text(
    pieces: list[str], backs: list[int]
) -> None:
    events, offset = [], 0
    for seq, piece in enumerate(pieces, start=1):
        events.append(tokens(f"1-{seq}", offset, piece))
        offset += len(piece)
    answer = Answer()
    for event, back in zip(events, [*backs, *[0] * len(events)], strict=False):
        start = max(events.index(event) - back, 0)
        answer = merge(answer, events[start : events.index(event) + 1])

    assert answer.text == "".join(pieces)
