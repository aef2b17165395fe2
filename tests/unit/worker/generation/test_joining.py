"""JOBS.md 12: which embedding jobs go into one call, and what each pays."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from backend.core.jobs.records import Due
from backend.core.jobs.states import Kind
from tests.factories import due_job
from worker.generation.joining import joinable, shares


def embed(**request: Any) -> Due:
    body = orjson.dumps({"input": "x"} | request)
    return due_job(kind=Kind.EMBED, request=body)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10_000), min_size=1, max_size=50))
def test_shares_sum_exactly_and_none_is_negative(
    total: int, lengths: list[int]
) -> None:
    found = shares(total, lengths)

    assert sum(found) == total
    assert len(found) == len(lengths)
    assert min(found) >= 0


@given(st.integers(0, 10**6), st.lists(st.integers(1, 10_000), min_size=1, max_size=50))
def test_a_share_is_within_a_token_of_its_part(total: int, lengths: list[int]) -> None:
    whole = sum(lengths)
    for share, length in zip(shares(total, lengths), lengths, strict=True):
        assert abs(share - total * length / whole) <= 1


def test_empty_inputs_pay_nothing_but_the_first() -> None:
    assert shares(3, [0, 0]) == [3, 0]


def test_jobs_are_joined_in_rank_order_up_to_the_room() -> None:
    due = [embed() for _ in range(4)]

    assert joinable({"input": "a"}, due, room=3) == due[:3]
    assert joinable({"input": "a"}, [], room=3) == []


def test_only_equal_terms_are_joined() -> None:
    same = embed(options={"b": 1, "a": 2})
    due = [
        embed(options={"a": 2}),
        same,
        embed(dimensions=3, options={"a": 2, "b": 1}),
        embed(truncate=False, options={"a": 2, "b": 1}),
        due_job(kind=Kind.CHAT, request=b'{"options": {"a": 2, "b": 1}}'),
    ]

    assert joinable({"input": "a", "options": {"a": 2, "b": 1}}, due, room=9) == [same]
