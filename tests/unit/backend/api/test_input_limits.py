"""How large a request may be."""

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.api.input_limits import InputLimits
from backend.api.prompt_texts import texts_of
from backend.core.errors import InvalidRequestError
from backend.core.jobs.states import Kind
from tests.factories import settings_for

LIMITS = InputLimits(
    prompt_chars=200,
    messages=3,
    images=2,
    image_bytes=10,
    tools=2,
    schema_depth=4,
    stop_sequences=2,
    embed_inputs=3,
)
MESSAGE = {"role": "user", "content": "x"}
TOOL = {"type": "function", "function": {"name": "f"}}
REPEATABLE = settings(derandomize=True, database=None, deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(
                ["messages", "images", "tools", "input", "options", "stop"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


def seen(*images: int) -> dict[str, Any]:
    """Make a message with images of so many bytes."""
    return MESSAGE | {"images": [base64.b64encode(bytes(n)).decode() for n in images]}


def deep(levels: int) -> Any:
    """Make a schema of so many objects in each other."""
    return {"properties": deep(levels - 1)} if levels > 1 else {}


def check(request: dict[str, Any]) -> None:
    """Check a request as admission does, before and after validation."""
    LIMITS.check_counts(request)
    request = {"messages": []} | request
    LIMITS.check_sizes(request, texts_of(Kind.CHAT, request))


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"messages": [MESSAGE] * 4}, "request.messages: has 4 items; at most 3"),
        ({"tools": [TOOL] * 3}, "request.tools: has 3 items; at most 2"),
        ({"input": ["x"] * 4}, "request.input: has 4 items; at most 3"),
        (
            {"options": {"stop": ["x"] * 3}},
            "request.options.stop: has 3 items; at most 2",
        ),
        ({"images": ["x"] * 3}, "request.images: has 3 images; at most 2"),
        (
            {"messages": [seen(1), seen(1, 1)]},
            "request.messages: has 3 images; at most 2",
        ),
        (
            {"messages": [MESSAGE, seen(1, 11)]},
            "request.messages.1.images.1: has 11 bytes; at most 10",
        ),
        (
            {"images": [base64.b64encode(bytes(12)).decode()]},
            "request.images.0: has 12 bytes; at most 10",
        ),
        (
            {"messages": [MESSAGE | {"content": "x" * 201}]},
            "request: has 201 characters; at most 200",
        ),
        ({"format": deep(5)}, "request.format: is nested deeper than 4 levels"),
        (
            {"tools": [TOOL, {"function": {"name": "f", "parameters": deep(5)}}]},
            "request.tools.1.function.parameters: is nested deeper than 4 levels",
        ),
        ({"format": {"a": [[[[]]]]}}, "request.format: is nested deeper than 4 levels"),
    ],
)
def test_what_is_too_large_is_told_with_its_field_and_the_limit(
    request_: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check(request_)

    (error,) = caught.value.errors
    assert f"{error.field}: {error.message}" == told


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": [MESSAGE] * 3, "tools": [TOOL] * 2, "format": "json"},
        {"messages": [seen(10, 9)], "format": deep(4)},
        {"messages": [MESSAGE | {"content": "x" * 200}]},
        {"messages": [MESSAGE], "options": {"stop": ["x"] * 2}, "tools": None},
    ],
)
def test_what_is_just_at_the_limit_is_taken(request_: dict[str, Any]) -> None:
    check(request_)


def test_the_length_is_of_all_that_the_model_reads() -> None:
    call = {"function": {"name": "look", "arguments": {"a": 1}}}
    spoken = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "content": "four", "tool_name": "look"}
    request = {
        "messages": [MESSAGE | {"thinking": "hm"}, spoken, result],
        "tools": [{"function": {"name": "look", "description": "Sees."}}],
    }

    assert texts_of(Kind.CHAT, request) == [
        "x",
        "hm",
        "",
        '[{"function":{"name":"look","arguments":{"a":1}}}]',
        "four",
        "look",
        '[{"function":{"name":"look","description":"Sees."}}]',
    ]
    assert texts_of(Kind.GENERATE, {"prompt": "a", "system": "b", "format": {}}) == [
        "a",
        "b",
        "{}",
    ]
    assert texts_of(Kind.EMBED, {"input": "a"}) == ["a"]
    assert texts_of(Kind.EMBED, {"input": ["a", "b"]}) == ["a", "b"]


def test_the_limits_are_the_operators() -> None:
    assert InputLimits.of(settings_for(max_messages=7)).messages == 7


@REPEATABLE
@given(JSON)
def test_whatever_is_sent_is_counted_or_refused_and_nothing_else(request: Any) -> None:
    with contextlib.suppress(InvalidRequestError):
        LIMITS.check_counts(request)


@REPEATABLE
@given(JSON, st.integers(1, 6))
def test_depth_is_what_a_recursive_count_says(schema: Any, most: int) -> None:
    limits = InputLimits.of(settings_for(max_schema_depth=most))
    request = {"messages": [], "format": {"schema": schema}}

    def depth(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value
        is_container = isinstance(value, (dict, list))
        return 1 + max(map(depth, inner), default=0) if is_container else 0

    try:
        limits.check_sizes(request, [])
        fits = True
    except InvalidRequestError:
        fits = False

    assert fits == (depth(request["format"]) <= most)
