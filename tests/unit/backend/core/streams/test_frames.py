import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import InvalidRequestError
from backend.core.jobs.states import State
from backend.core.streams.frames import (
    LAST_SEQ,
    EntryId,
    Frame,
    end_data,
    publication,
    read_entry,
    read_publication,
    state_data,
)


@pytest.mark.parametrize("text", ["0-0", "1-12", f"3-{LAST_SEQ}"])
def test_a_place_is_read_as_it_is_written(text: str) -> None:
    assert str(EntryId.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "1", "1-", "-1", "a-1", "1-2-3", "1-99999999999999999999", "¹-1", "1 -1"],
)
def test_what_is_no_place_is_a_callers_mistake(text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        EntryId.parse(text, field="after")
    assert caught.value.errors[0].field == "after"


def test_places_are_ordered_as_redis_orders() -> None:
    assert EntryId(1, LAST_SEQ) < EntryId(2, 0) < EntryId(2, 1) < EntryId(10, 0)


FRAMES = st.lists(
    st.tuples(
        st.uuids().map(str),
        st.builds(
            Frame,
            st.sampled_from(["state", "tokens", "end"]),
            st.dictionaries(st.text(max_size=3), st.text(), max_size=2).map(
                orjson.dumps
            ),
            st.none() | st.builds(EntryId, st.integers(0, 9), st.integers(0, LAST_SEQ)),
        ),
    ),
    min_size=1,
    max_size=5,
)


@given(FRAMES)
def test_frames_of_many_jobs_travel_in_one_message(
    frames: list[tuple[str, Frame]],
) -> None:
    assert list(read_publication(publication(frames))) == frames


@pytest.mark.parametrize(
    "fields", [[b"e", b"end", b"d", b"{}"], {b"e": b"end", b"d": b"{}"}]
)
def test_an_entry_is_read_in_both_forms_that_redis_has(fields: object) -> None:
    assert read_entry((b"2-7", fields)) == Frame("end", b"{}", EntryId(2, 7))


def test_the_end_names_all_fields_and_a_result_only_if_there_is_one() -> None:
    bare = orjson.loads(end_data("j", State.FAILED))
    full = orjson.loads(end_data("j", State.SUCCEEDED, result={"embeddings": []}))

    assert set(bare) == {
        "id",
        "state",
        "done_reason",
        "usage",
        "timings",
        "error",
        "served_model",
    }
    assert bare["usage"] == {"prompt_tokens": None, "completion_tokens": None}
    assert full["result"] == {"embeddings": []}


def test_a_state_has_progress_only_while_there_is_some() -> None:
    bare = orjson.loads(state_data("j", State.RUNNING, attempt=1, node="n", model="m"))
    pulling = orjson.loads(
        state_data("j", State.RUNNING, attempt=1, progress={"status": "pulling"})
    )

    assert "progress" not in bare
    assert (bare["node"], bare["model"], bare["position"]) == ("n", "m", None)
    assert pulling["progress"] == {"status": "pulling"}
