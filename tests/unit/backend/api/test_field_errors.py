"""Callers hear what is wrong and what is allowed, not how it was found."""

from typing import Annotated, Any

import pytest
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from backend.api.field_errors import field_error
from backend.api.schemas.keys import NewKey
from backend.api.schemas.queries import EventsQuery, JobsQuery
from backend.api.schemas.submit import SUBMIT_JOB
from backend.core.errors import FieldError

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
CHAT = {"kind": "chat", "model": "tiny-chat", "request": HELLO}
TIME = "must be a time with its zone, such as 2026-01-31T12:00:00Z"


def told(adapter: TypeAdapter[Any], value: Any) -> list[FieldError]:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    found = caught.value.errors(include_url=False, include_input=False)
    return [field_error(one, value) for one in found]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (5, "body", "must be an object"),
        ({"model": "m"}, "kind", "is required"),
        (
            CHAT | {"kind": "sing"},
            "kind",
            'must be "chat", "generate", "embed", "load" or "pull"',
        ),
        ({"kind": "chat", "model": "m"}, "request", "is required"),
        (CHAT | {"request": "hello"}, "request", "must be an object"),
        (CHAT | {"request": {"messages": 5}}, "request.messages", "must be an array"),
        (CHAT | {"request": {"messages": []}}, "request.messages", "must not be empty"),
        (CHAT | {"metadata": 5}, "metadata", "must be an object"),
        (CHAT | {"metadata": {"a": 5}}, "metadata.a", "must be a string"),
        (
            CHAT | {"metadata": {"": "x"}},
            "metadata",
            "each of its names must not be empty",
        ),
        (
            CHAT | {"metadata": {str(n): "x" for n in range(17)}},
            "metadata",
            "must have at most 16 entries",
        ),
        (CHAT | {"model": ""}, "model", "must not be empty"),
        (CHAT | {"model": "m" * 201}, "model", "must have at most 200 characters"),
        (
            CHAT | {"model": "a b"},
            "model",
            "is no name of a model, such as qwen3:0.6b",
        ),
        (
            CHAT | {"priority": "urgent"},
            "priority",
            'must be "low", "normal" or "high"',
        ),
        (CHAT | {"deadline_seconds": 0}, "deadline_seconds", "must be more than 0"),
        (CHAT | {"deadline_seconds": "x"}, "deadline_seconds", "must be a number"),
        (CHAT | {"unknown": 1}, "unknown", "is not a field here"),
        (
            {"kind": "pull", "model": "m", "request": {"node": "a b"}},
            "request.node",
            "must be 1 to 64 letters, digits, dots, hyphens or underscores",
        ),
    ],
)
def test_a_wrong_submission_is_told_in_words(
    body: Any, field: str, message: str
) -> None:
    assert told(SUBMIT_JOB, body) == [FieldError(field, message)]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("top_k", 1.5, "must be a whole number"),
        ("top_p", "hot", "must be a number"),
        ("top_p", 1e39, "must be at most 3.4e+38"),
        ("num_predict", 0, "must be at least 1"),
        ("penalize_newline", 1, "must be true or false"),
    ],
)
def test_a_wrong_option_is_told_in_words(option: str, value: Any, message: str) -> None:
    body = CHAT | {"request": HELLO | {"options": {option: value}}}

    assert told(SUBMIT_JOB, body) == [FieldError(f"request.options.{option}", message)]


@pytest.mark.parametrize(
    ("shape", "field", "value", "message"),
    [
        (JobsQuery, "limit", "x", "must be a whole number"),
        (JobsQuery, "limit", "9" * 5_000, "must be a whole number"),
        (JobsQuery, "limit", "101", "must be at most 100"),
        (JobsQuery, "created_after", "now", TIME),
        (JobsQuery, "created_after", "2026-01-31T12:00:00", TIME),
        (
            JobsQuery,
            "after",
            "x",
            "must be the id of a job, as the `next` of a page is",
        ),
        (EventsQuery, "last_event_id", "x", "must be the id of an event, such as 1-42"),
        (NewKey, "weight", 0, "must be at least 0.01"),
        (
            NewKey,
            "user",
            "a b",
            "must be of letters, digits and the characters _ . @ + -",
        ),
    ],
)
def test_a_wrong_parameter_is_told_in_words(
    shape: type[Any], field: str, value: Any, message: str
) -> None:
    sent = {"user": "ann", "name": "test"} if shape is NewKey else {}

    assert told(TypeAdapter(shape), sent | {field: value}) == [
        FieldError(field, message)
    ]


def test_one_choice_of_two_has_no_comma() -> None:
    body = CHAT | {"on_disconnect": "panic"}

    assert told(SUBMIT_JOB, body)[0].message == 'must be "continue" or "cancel"'


@pytest.mark.parametrize(
    ("shape", "value", "message"),
    [
        (Annotated[float, Field(multiple_of=5)], 3, "must be a multiple of 5"),
        (Annotated[str, Field(pattern="^x$")], "y", "must match ^x$"),
        (AwareDatetime, [], TIME),
    ],
)
def test_what_the_table_does_not_have_is_told_as_well_as_can_be(
    shape: Any, value: Any, message: str
) -> None:
    assert told(TypeAdapter(shape), value) == [FieldError("body", message)]
