import pytest

from worker.resilience.fallback import chain, parse

CHAINS = {"a:latest": ("b:1", "c"), "d": ("e",)}


def test_chains_are_read_with_tags_and_spaces() -> None:
    assert parse(" a:latest = b:1 , c ;d=e; ") == CHAINS


def test_no_chains_are_no_fallbacks() -> None:
    assert parse("") == {}
    assert chain("a", [], {}) is None


def test_the_best_model_that_was_not_tried_is_next() -> None:
    assert chain("a:latest", [], CHAINS) == "b:1"
    assert chain("a:latest", ["a:latest", "b:1"], CHAINS) == "c"


def test_a_chain_ends() -> None:
    assert chain("a:latest", ["b:1", "c"], CHAINS) is None


def test_the_chain_of_a_stand_in_is_not_followed() -> None:
    assert chain("a", ["b"], {"a": ("b",), "b": ("c",)}) is None


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
