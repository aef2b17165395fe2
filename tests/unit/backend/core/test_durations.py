import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.durations import comma_separated, milliseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("300000", 300_000),
        (300_000, 300_000),
        ("300s", 300_000),
        (" 5m ", 300_000),
        ("1.5 S", 1_500),
        ("250ms", 250),
        ("2h", 7_200_000),
        ("1d", 86_400_000),
        ("0", 0),
    ],
)
def test_a_duration_is_milliseconds_or_a_number_with_a_unit(
    text: object, expected: int
) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "-1", "5 weeks", "1e3", "5m30s"])
def test_what_is_no_duration_is_told_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"write milliseconds \(300000\)"):
        milliseconds(text)


@given(st.integers(min_value=0, max_value=10**9))
def test_seconds_and_milliseconds_say_the_same(seconds: int) -> None:
    assert milliseconds(f"{seconds}s") == milliseconds(seconds * 1000)


def test_names_are_separated_by_commas_and_blanks_left_out() -> None:
    assert comma_separated(" a, b,,c ") == ("a", "b", "c")
    assert comma_separated(["a", 1]) == ("a", "1")
    assert comma_separated("") == ()


def test_what_is_no_list_is_told_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="separated by commas"):
        comma_separated(5)
