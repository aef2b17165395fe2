"""How one grant bounds another."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.core.bounds import bounded, common, least, lower

END = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("own", "most", "less"),
    [(None, None, None), (None, 5, 5), (5, None, 5), (5, 7, 5), (7, 5, 5)],
)
def test_of_two_bounds_the_lower_holds_and_none_is_no_bound(
    own: int | None, most: int | None, less: int | None
) -> None:
    assert least(own, most) == less


def test_models_and_priorities_are_what_both_allow() -> None:
    assert common(None, None) is None
    assert common(["a"], None) == ["a"]
    assert common(None, ["a"]) == ["a"]
    assert common(["a", "b"], ["c", "b"]) == ["b"]
    assert common(["a"], []) == []
    assert (lower("high", "low"), lower("low", "normal")) == ("low", "low")


@pytest.mark.parametrize(
    ("column", "own", "most", "less"),
    [
        ("scopes", ["inference", "read"], ["read"], ["read"]),
        ("scopes", ["admin"], ["inference", "read"], ["inference", "read"]),
        ("scopes", ["inference"], ["read"], []),
        ("allowed_models", None, ["a"], ["a"]),
        ("highest_priority", "high", "normal", "normal"),
        ("weight", 2.0, 1.0, 1.0),
        ("rpm", None, 5, 5),
        ("tpm", 7, 5, 5),
        ("daily_tokens", 7, 5, 5),
        ("max_concurrency", 7, 5, 5),
        ("expires_at", None, END, END),
        ("expires_at", END, END - timedelta(days=1), END - timedelta(days=1)),
    ],
)
def test_each_column_is_bounded(column: str, own: Any, most: Any, less: Any) -> None:
    assert bounded({column: own}, {column: most}) == {column: less}


@pytest.mark.parametrize(
    ("column", "own", "most"),
    [
        ("scopes", ["read"], ["admin"]),
        ("allowed_models", ["a"], None),
        ("highest_priority", "low", "high"),
        ("weight", 1.0, 2.0),
        ("rpm", 5, None),
        ("expires_at", END, None),
        ("name", "mine", "theirs"),
    ],
)
def test_nothing_is_widened(column: str, own: Any, most: Any) -> None:
    assert bounded({column: own}, {column: most}) == {}
