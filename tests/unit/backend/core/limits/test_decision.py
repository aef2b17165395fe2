"""Why a request is not admitted, and when it may come again."""

import pytest

from backend.core.errors import (
    InsufficientQuotaError,
    RateLimitedError,
    TokensAboveLimitError,
)
from backend.core.limits.decision import (
    Allowance,
    Demand,
    Hindrance,
    Limit,
    Limits,
    Standing,
    Subject,
    Whose,
    hindrance,
)
from tests.unit.backend.core.limits.standings import balance, standing


def test_a_key_without_a_number_has_no_limits() -> None:
    assert not Limits().any
    assert Limits(max_concurrency=1).any


def test_a_key_is_bound_by_its_limits_and_by_its_users_if_that_has_some() -> None:
    alone = Allowance(7, Limits(rpm=1)).subjects
    both = Allowance(7, Limits(), 3, Limits(rpm=1)).subjects

    assert alone == (Subject(Whose.KEY, 7, Limits(rpm=1)),)
    assert both == (
        Subject(Whose.KEY, 7, Limits()),
        Subject(Whose.USER, 3, Limits(rpm=1)),
    )


def reason(limits: Limits, used: Standing, cost: int = 10) -> Hindrance:
    return hindrance([balance(limits, used)], Demand(cost))


@pytest.mark.parametrize(
    ("most", "used", "limit", "seconds"),
    [
        ({"rpm": 2}, {"requests": 2, "requests_wait_ms": 41_001}, Limit.REQUESTS, 42),
        ({"rpm": 2}, {"requests": 2, "requests_wait_ms": 3}, Limit.REQUESTS, 1),
        ({"tpm": 50}, {"tokens": 41, "tokens_wait_ms": 5_000}, Limit.TOKENS, 5),
        ({"max_concurrency": 3}, {"places": 3}, Limit.CONCURRENCY, 1),
        ({"daily_tokens": 50}, {"reserved": 41}, Limit.DAILY_TOKENS, 1),
    ],
)
def test_what_is_used_up_for_now_is_named_with_the_time_to_wait(
    most: dict[str, int], used: dict[str, int], limit: Limit, seconds: int
) -> None:
    found = reason(Limits(**most), standing(**used))
    error = found.as_error()

    assert found.limit is limit
    assert (type(error), error.retry_after) == (RateLimitedError, seconds)
    assert limit in error.detail


def test_a_day_that_is_used_up_is_over_at_midnight() -> None:
    error = reason(Limits(daily_tokens=50), standing(charged=45, reserved=5)).as_error()

    assert type(error) is InsufficientQuotaError
    assert error.retry_after == 3_600


@pytest.mark.parametrize("most", [{"tpm": 9}, {"daily_tokens": 9}])
def test_what_is_larger_than_a_limit_is_told_never_to_come_again(
    most: dict[str, int],
) -> None:
    # Whatever else it would have to wait for.
    full = standing(charged=9, requests=5, requests_wait_ms=60_000)

    error = reason(Limits(rpm=5, **most), full).as_error()

    assert type(error) is TokensAboveLimitError
    assert not error.retryable
    assert error.retry_after is None
    assert "can never pass" in error.detail


def test_of_several_the_longest_wait_is_told() -> None:
    busy = standing(
        requests=2, requests_wait_ms=7_000, tokens=99, tokens_wait_ms=30_000, places=9
    )

    found = reason(Limits(rpm=2, tpm=100, max_concurrency=9), busy)

    assert (found.limit, found.wait_ms) == (Limit.TOKENS, 30_000)


def test_where_nothing_hinders_there_is_no_reason() -> None:
    free = Limits(rpm=1, tpm=10, daily_tokens=10, max_concurrency=1)

    with pytest.raises(ValueError, match="empty"):
        reason(free, standing())


def test_of_a_key_and_its_user_the_one_that_has_to_wait_longer_is_named() -> None:
    soon = standing(requests=2, requests_wait_ms=1_000)
    late = standing(requests=9, requests_wait_ms=9_000)
    balances = [
        balance(Limits(rpm=2), soon),
        balance(Limits(rpm=9), late, Whose.USER),
    ]

    found = hindrance(balances, Demand(1))

    assert found.wait_ms == 9_000
    assert found.detail.startswith("The user, with all keys together, is allowed 9")
    assert hindrance(balances[:1], Demand(1)).detail.startswith("The key is allowed 2")
