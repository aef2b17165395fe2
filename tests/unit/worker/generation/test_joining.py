"""JOBS.md 12: which embedding jobs go into one call, and what each pays."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from backend.core.jobs.records import Due
from backend.core.jobs.states import Kind
from tests.factories import due_job
from worker.generation.joining import (
    MOST_BYTES,
    LastCall,
    joinable,
    pause,
    shares,
)


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


def test_jobs_are_joined_in_rank_order_up_to_the_size() -> None:
    due = [embed() for _ in range(4)]

    assert joinable(due, size=3) == due[:3]
    assert joinable(due, size=1) == due[:1]
    assert joinable([], size=3) == []


def test_only_equal_terms_are_joined() -> None:
    first = embed(options={"a": 2, "b": 1})
    same = embed(options={"b": 1, "a": 2})
    due = [
        first,
        embed(options={"a": 2}),
        same,
        embed(dimensions=3, options={"a": 2, "b": 1}),
        embed(truncate=True, options={"a": 2, "b": 1}),
        due_job(kind=Kind.CHAT, request=b'{"options": {"a": 2, "b": 1}}'),
    ]

    assert joinable(due, size=9) == [first, same]


def test_what_is_said_and_what_holds_anyway_are_the_same_terms() -> None:
    due = [
        embed(),
        embed(truncate=False),
        embed(truncate=None, dimensions=None, options=None),
        embed(options={}),
        embed(options={"seed": None}),
    ]

    assert joinable(due, size=9) == due
    assert len(joinable([*due, embed(truncate=True)], size=9)) == len(due)


def test_a_chat_is_joined_with_nothing() -> None:
    chat = due_job(request=b"{}")

    assert joinable([chat, embed(), embed()], size=9) == [chat]
    assert joinable([embed(), chat], size=9)[1:] == []


def test_a_call_has_a_bound_on_texts_and_the_smaller_jobs_fill_it() -> None:
    first, many, few = embed(), embed(input=["x"] * 2_048), embed(input=["x"] * 70)
    full, last = embed(input=["x"] * 10), embed(input=["x"] * 9)

    assert joinable([first, many, few, full, last], size=3) == [first, few, last]


def test_a_call_may_have_a_text_for_each_job() -> None:
    due = [embed() for _ in range(100)]

    assert joinable(due, size=99) == due[:99]


def test_a_job_of_many_texts_goes_alone() -> None:
    many = embed(input=["x"] * 2_048)

    assert joinable([many, embed(), many], size=10) == [many]


def test_a_call_has_a_bound_on_characters() -> None:
    half = embed(input="x" * (MOST_BYTES // 2))
    short = embed(input="short")

    assert joinable([half, half, short], size=10) == [half, short]


def test_a_request_that_was_too_long_to_be_read_is_joined_with_nothing() -> None:
    unread = due_job(kind=Kind.EMBED, request=b"")

    assert joinable([embed(), unread], size=10)[1:] == []
    assert joinable([unread, embed()], size=10) == [unread]


def wait(found: int, last: LastCall | None, *, limit: float = 0.005) -> float:
    return pause(limit, found=found, size=10, last=last, now=100.0)


def ended(jobs: int, *, seconds: float = 1.0, ago: float = 0.0) -> LastCall:
    return LastCall(jobs, seconds, 100.0 - ago)


def test_nobody_waits_who_was_alone_the_last_time() -> None:
    assert wait(1, None) == 0
    assert wait(1, ended(1)) == 0


def test_those_who_were_answered_together_are_waited_for() -> None:
    assert wait(1, ended(8)) == 0.005
    assert wait(7, ended(8)) == 0.005
    assert wait(8, ended(8)) == 0
    assert wait(1, ended(8), limit=0) == 0


def test_a_full_call_waits_for_nobody() -> None:
    assert wait(10, ended(64)) == 0


def test_company_of_long_ago_is_not_expected() -> None:
    assert wait(1, ended(8, ago=2.0)) == 0


def test_a_wait_is_no_longer_than_half_of_what_a_call_takes() -> None:
    assert wait(1, ended(8, seconds=0.004)) == 0.002
