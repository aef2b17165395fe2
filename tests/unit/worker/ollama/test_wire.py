"""What comes is text that can be stored and sent on (JOBS.md 30)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.ollama.errors import MalformedAnswerError
from worker.ollama.wire import LineReader, parse, without_lone_surrogates

STREAM = '{"a": "ä€😀"}\n\n{"b": 2}\r\n{"c": [3]}'.encode()
OBJECTS = [{"a": "ä€😀"}, {"b": 2}, {"c": [3]}]


@given(st.lists(st.integers(0, len(STREAM))))
def test_objects_are_the_same_wherever_the_reads_cut_them(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    reader = LineReader()
    objects = []
    for start, end in itertools.pairwise(edges):
        objects += reader.feed(STREAM[start:end])
    objects += reader.finish()

    assert objects == OBJECTS


def test_all_lines_of_one_read_come_together() -> None:
    assert LineReader().feed(b'{"a": 1}\n{"b": 2}\n{"c"') == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    "text", [b"not json", b"[1]", b"7", b'{"a": ', b"[" * 100_000, b"\xff\xfe"]
)
def test_a_line_that_is_no_object_is_a_malformed_answer(text: bytes) -> None:
    with pytest.raises(MalformedAnswerError, match=f"{len(text)} bytes"):
        parse(text)


def test_a_malformed_line_is_not_repeated_in_the_error() -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        parse(b'{"secret')

    assert "secret" not in caught.value.detail


def test_half_a_surrogate_pair_is_replaced() -> None:
    line = rb'{"text": "a\ud83d b", "list": [1, "\ude00"], "\ud800": null}'

    assert parse(line) == {
        "text": "a\N{REPLACEMENT CHARACTER} b",
        "list": [1, "\N{REPLACEMENT CHARACTER}"],
        "\N{REPLACEMENT CHARACTER}": None,
    }


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert parse(b'{"text": "a\xffb"}') == {"text": "a\N{REPLACEMENT CHARACTER}b"}


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert without_lone_surrogates("\ud83d\ude00") == "😀"


def test_what_nobody_could_be_told_is_no_answer() -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300

    with pytest.raises(MalformedAnswerError):
        parse(deep)
