import pytest
from ollama_sim.durations import FOR_EVER, parse_duration, parse_keep_alive
from ollama_sim.errors import ApiError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300s", 300),
        ("1h30m", 5400),
        ("-1m", -60),
        ("1.5s", 1.5),
        ("0", 0),
        ("+2ms", 0.002),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("300", 'time: missing unit in duration "300"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("soon", 'time: invalid duration "soon"'),
        ("", 'time: invalid duration ""'),
        ("1h x", 'time: unknown unit "h x" in duration "1h x"'),
    ],
)
def test_a_bad_duration_is_refused_with_the_words_of_go(
    text: str, complaint: str
) -> None:
    with pytest.raises(ApiError) as caught:
        parse_duration(text)

    assert (caught.value.status, caught.value.text) == (400, complaint)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), (0, 0), (30, 30), (-1, FOR_EVER), ("-5m", FOR_EVER), ("5m", 300)],
)
def test_keep_alive_is_seconds_or_a_duration(
    value: object, seconds: float | None
) -> None:
    assert parse_keep_alive(value) == seconds


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, "bool"), ([], "[]interface {}"), ({}, "map[string]interface {}")],
)
def test_keep_alive_of_another_type_is_refused(value: object, kind: str) -> None:
    with pytest.raises(ApiError, match="Unsupported type") as caught:
        parse_keep_alive(value)

    assert caught.value.text == f"Unsupported type: '{kind}'"
