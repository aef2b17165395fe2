import pytest

from backend.api.ollama.go_durations import duration_seconds, keep_alive_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        (".5m", 30),
        ("-1m", -60),
        ("+2s", 2),
        ("300ms", 0.3),
        ("0", 0),
        ("-0", 0),
        ("2µs", 2e-6),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, seconds: float) -> None:
    assert duration_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("300", 'time: missing unit in duration "300"'),
        ("-1", 'time: missing unit in duration "-1"'),
        ("soon", 'time: invalid duration "soon"'),
        ("", 'time: invalid duration ""'),
        ("5 m", 'time: unknown unit " m" in duration "5 m"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
    ],
)
def test_what_is_no_duration_is_told_in_gos_words(text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        duration_seconds(text)

    assert str(caught.value) == why


def test_keep_alive_is_seconds_or_a_duration() -> None:
    assert keep_alive_seconds(None) is None
    assert keep_alive_seconds(-1) == -1
    assert keep_alive_seconds(0) == 0
    assert keep_alive_seconds(1.5) == 1.5
    assert keep_alive_seconds("10m") == 600


@pytest.mark.parametrize("value", [True, [], {}])
def test_keep_alive_is_nothing_else(value: object) -> None:
    with pytest.raises(ValueError, match="seconds as a number, or a duration"):
        keep_alive_seconds(value)
