"""Why a request is not admitted, and when it may come again."""

from typing import Any

import pytest

from backend.core.errors import (
    InsufficientQuotaError,
    RateLimitedError,
    TokensAboveLimitError,
)
from backend.core.limits.decision import KeyLimits, Limit, hindrance
from tests.unit.backend.core.limits.standings import standing


def limits(**over: Any) -> KeyLimits:
    return KeyLimits(lineage_id=1, **over)


def test_a_key_without_a_number_has_no_limits() -> None:
    assert not limits().any
    assert limits(max_concurrency=1).any


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
    found = hindrance(limits(**most), standing(**used), 10)
    error = found.as_error()

    assert found.limit is limit
    assert (type(error), error.retry_after) == (RateLimitedError, seconds)
    assert limit in error.detail


def test_a_day_that_is_used_up_is_over_at_midnight() -> None:
    error = hindrance(
        limits(daily_tokens=50), standing(charged=45, reserved=5), 10
    ).as_error()

    assert type(error) is InsufficientQuotaError
    assert error.retry_after == 3_600


@pytest.mark.parametrize("most", [{"tpm": 9}, {"daily_tokens": 9}])
def test_what_is_larger_than_a_limit_is_told_never_to_come_again(
    most: dict[str, int],
) -> None:
    # Whatever else it would have to wait for.
    full = standing(charged=9, requests=5, requests_wait_ms=60_000)

    error = hindrance(limits(rpm=5, **most), full, 10).as_error()

    assert type(error) is TokensAboveLimitError
    assert not error.retryable
    assert error.retry_after is None
    assert "can never pass" in error.detail


def test_of_several_the_longest_wait_is_told() -> None:
    busy = standing(
        requests=2, requests_wait_ms=7_000, tokens=99, tokens_wait_ms=30_000, places=9
    )

    found = hindrance(limits(rpm=2, tpm=100, max_concurrency=9), busy, 10)

    assert (found.limit, found.wait_ms) == (Limit.TOKENS, 30_000)


def test_where_nothing_hinders_there_is_no_reason() -> None:
    free = limits(rpm=1, tpm=10, daily_tokens=10, max_concurrency=1)

    with pytest.raises(ValueError, match="empty"):
        hindrance(free, standing(), 10)
