"""How deep JSON may be nested."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.nesting import DEEPEST, is_deeper, is_too_deep

leaves = st.none() | st.integers() | st.text(max_size=3)
json = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=9,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(json, st.integers(0, 9))
def test_it_is_how_many_stand_in_each_other(value: Any, levels: int) -> None:
    assert is_deeper(value, levels) is (depth(value) > levels)


@pytest.mark.parametrize("written", ["[", '{"a":'])
def test_what_is_as_deep_as_may_be_is_not_too_deep(written: str) -> None:
    close = "]" if written == "[" else "}"
    for levels in (DEEPEST, DEEPEST + 1):
        text = written * levels + "1" + close * levels
        value = orjson.loads(text)

        assert is_too_deep(value, text) is (levels > DEEPEST)
        assert is_too_deep(value, text.encode()) is (levels > DEEPEST)
    assert not is_too_deep(["[" * 999], "[" * 999)
