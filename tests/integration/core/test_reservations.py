"""What keys with limits may hold, on a real Redis."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from backend.core.limits.decision import Allowance, Limit, Limits
from backend.core.redis_client import KeptConnections
from tests.integration.core.limits_bench import MINUTE_MS, Bench


@pytest.fixture
def bench(client: redis.Redis, connections: KeptConnections) -> Bench:
    return Bench(client, connections)


def test_what_is_admitted_is_held(bench: Bench) -> None:
    limits = Allowance(1, Limits(rpm=5, tpm=100, daily_tokens=1_000, max_concurrency=2))

    verdict = bench.reservations.reserve(limits, {"a": 30})

    assert verdict.hindrance is None
    at = verdict.balances[0].standing
    assert (at.requests, at.tokens, at.charged, at.reserved, at.places) == (
        *(1, 30),
        *(0, 30),
        1,
    )
    assert at.reset_ms == MINUTE_MS
    assert 0 < at.day_ms <= 24 * 60 * MINUTE_MS
    assert bench.used() == (1, 30, 0, 30, 1)


@pytest.mark.parametrize(
    ("most", "limit"),
    [
        ({"rpm": 10}, Limit.REQUESTS),
        ({"tpm": 109}, Limit.TOKENS),
        ({"daily_tokens": 109}, Limit.DAILY_TOKENS),
        ({"max_concurrency": 10}, Limit.CONCURRENCY),
    ],
)
def test_two_hundred_at_once_on_a_budget_for_ten_are_ten(
    bench: Bench, most: dict[str, int], limit: Limit
) -> None:
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda _: bench.ask(**most), range(200)))

    assert found.count(None) == 10
    assert found.count(limit) == 190
    assert bench.used() == (10, 100, 0, 100, 10)


def test_a_request_that_is_refused_holds_nothing(bench: Bench) -> None:
    assert bench.ask(cost=60, tpm=100, max_concurrency=9) is None
    before = bench.used()

    assert bench.ask(cost=60, tpm=100, max_concurrency=9) is Limit.TOKENS
    assert bench.used() == before
    assert bench.ask(cost=40, tpm=100, max_concurrency=9) is None


def test_a_minute_slides(bench: Bench) -> None:
    most = {"rpm": 2, "tpm": 100}
    assert bench.ask(**most) is None
    bench.pass_ms(40_000)
    assert bench.ask(**most) is None
    assert bench.ask(**most) is Limit.REQUESTS
    verdict = bench.reservations.reserve(Allowance(1, Limits(**most)), {"x": 1})
    assert verdict.hindrance is not None
    assert 19_000 < (verdict.hindrance.wait_ms or 0) <= 20_000
    bench.pass_ms(20_000)

    assert bench.ask(**most) is None
    assert bench.ask(**most) is Limit.REQUESTS
    assert bench.used()[:2] == (2, 20)
    bench.pass_ms(MINUTE_MS)
    assert bench.used() == (0, 0, 0, 30, 3)


def test_the_time_until_enough_tokens_are_free_is_told(bench: Bench) -> None:
    for age in (30_000, 20_000, 0):
        assert bench.ask(cost=30, tpm=100) is None
        bench.pass_ms(age)

    def wait_ms(cost: int) -> int:
        verdict = bench.reservations.reserve(Allowance(1, Limits(tpm=100)), {"x": cost})
        assert verdict.hindrance is not None
        return verdict.hindrance.wait_ms or 0

    # Their ages are 50, 20 and 0 s.
    assert 9_000 < wait_ms(40) <= 10_000
    assert 39_000 < wait_ms(41) <= 40_000
    assert 59_000 < wait_ms(71) <= 60_000


def test_more_than_a_thousand_of_a_minute_slide_at_once(bench: Bench) -> None:
    limits = Allowance(1, Limits(rpm=5_000))
    for number in range(2_300):
        bench.reservations.reserve(limits, {f"j{number}": 2})
    assert bench.used()[:2] == (2_300, 4_600)
    key = "corral:limits:1:window"
    bench.client.zunionstore(key, {key: 0})

    assert bench.used()[:2] == (0, 0)
