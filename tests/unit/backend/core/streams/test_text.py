from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from backend.core.streams.text import GrowingText, whole_text_data


def joined(frames: list[dict[str, Any]]) -> tuple[str, str, list[Any], list[Any]]:
    """Read frames as JOBS.md 6 tells clients to."""
    text = thinking = ""
    calls: dict[int, Any] = {}
    logprobs: list[Any] = []
    for frame in frames:
        text = text[: frame["text_offset"]] + frame["text"]
        if "thinking" in frame:
            thinking = thinking[: frame["thinking_offset"]] + frame["thinking"]
        calls |= {call["index"]: call for call in frame.get("tool_calls", ())}
        if "logprobs" in frame:
            logprobs = logprobs[: frame["logprobs_offset"]] + frame["logprobs"]
    return text, thinking, [calls[i] for i in sorted(calls)], logprobs


def test_offsets_count_code_points() -> None:
    growing = GrowingText()
    growing.add("a🐟é")
    first = orjson.loads(growing.take())
    growing.add("b", "hm 🐟")
    second = orjson.loads(growing.take())

    assert first == {"text_offset": 0, "text": "a🐟é"}
    assert second == {
        "text_offset": 3,
        "text": "b",
        "thinking_offset": 0,
        "thinking": "hm 🐟",
    }


def test_what_was_carried_is_not_pending() -> None:
    growing = GrowingText()
    assert growing.empty
    assert not growing.pending
    growing.add(tool_calls=[{"function": {"name": "f"}}])
    assert growing.pending
    frame = orjson.loads(growing.take())

    assert frame["tool_calls"] == [{"index": 0, "function": {"name": "f"}}]
    assert not growing.pending
    assert not growing.empty
    growing.add("x")
    assert "tool_calls" not in orjson.loads(growing.take())


def test_what_is_known_of_the_tokens_is_carried_once() -> None:
    growing = GrowingText()
    growing.add("a", logprobs=[{"token": "a"}])
    first = orjson.loads(growing.take())
    assert not growing.pending
    growing.add(logprobs=[{"token": ""}])
    assert growing.pending
    second = orjson.loads(growing.take())

    assert (first["logprobs_offset"], first["logprobs"]) == (0, [{"token": "a"}])
    assert (second["logprobs_offset"], second["logprobs"]) == (1, [{"token": ""}])


PIECES = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        st.integers(0, 2),
        st.sampled_from(["", "take", "rewind", "lost"]),
    ),
    max_size=30,
)


@given(PIECES)
def test_frames_join_to_the_text_whatever_is_lost_and_repeated(
    pieces: list[tuple[str, str, int, str]],
) -> None:
    growing, frames = GrowingText(), []
    for text, thinking, calls, then in pieces:
        some = [{"id": n} for n in range(calls)]
        growing.add(text, thinking, some, some)
        if then == "rewind":
            growing.rewind()
        if then and growing.pending:
            frames.append(orjson.loads(growing.take()))
        if then == "lost" and frames:
            frames.pop()
            growing.rewind()
    if growing.pending:
        frames.append(orjson.loads(growing.take()))

    text, thinking, found, logprobs = joined(frames)
    assert (text, thinking) == (growing.text, growing.thinking)
    assert found == growing.tool_calls
    assert logprobs == growing.logprobs


def test_a_stored_result_is_one_frame() -> None:
    message = {
        "content": "hi",
        "thinking": "hm",
        "tool_calls": [{"index": 5, "function": {}}],
    }
    chat = orjson.loads(whole_text_data({"message": message}) or b"")
    text = orjson.loads(whole_text_data({"text": "hi"}) or b"")
    likely = orjson.loads(whole_text_data({"text": "", "logprobs": [{}]}) or b"")

    assert chat["text"] == "hi"
    assert chat["thinking"] == "hm"
    assert chat["tool_calls"] == [{"index": 0, "function": {}}]
    assert text == {"text_offset": 0, "text": "hi"}
    assert likely["logprobs"] == [{}]


def test_a_result_without_text_is_no_frame() -> None:
    assert whole_text_data(None) is None
    assert whole_text_data({"embeddings": [[1.0]]}) is None
    assert whole_text_data({"text": ""}) is None
