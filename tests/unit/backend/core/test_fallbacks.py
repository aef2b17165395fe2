import pytest

from backend.core.fallbacks import parse


def test_chains_are_read_with_tags_and_spaces() -> None:
    assert parse(" a:latest = b:1 , c ;d=e; ") == {
        "a:latest": ("b:1", "c"),
        "d": ("e",),
    }


def test_no_chains_are_no_fallbacks() -> None:
    assert parse("") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "'a' is not of the form"),
        ("a=", "'a=' is not of the form"),
        ("=b", "'=b' is not of the form"),
        ("a=b,,c", "'a=b,,c' is not of the form"),
        ("a=b,a", "'a' cannot stand in for itself"),
        ("a=b;a=c", "'a' has two chains"),
    ],
)
def test_a_wrong_part_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)
