import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from backend.core.redis_client import connect
from worker.resilience import breaker_store
from worker.resilience.breaker import BreakerMode, BreakerPolicy
from worker.resilience.breaker_store import Admission, BreakerStore

POLICY = BreakerPolicy(threshold=2, timeout_seconds=3600)
# Its time is over as soon as it is open, so the next admission is the probe.
IMPATIENT = BreakerPolicy(threshold=1, timeout_seconds=0)
ALLOWED = Admission(is_allowed=True)
PROBE = Admission(is_allowed=True, is_probe=True)
REFUSED = Admission(is_allowed=False)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def store(client: redis.Redis) -> BreakerStore:
    return BreakerStore(client, POLICY)


def opened(client: redis.Redis, policy: BreakerPolicy = POLICY) -> BreakerStore:
    store = BreakerStore(client, policy)
    for _ in range(policy.threshold):
        store.failed("n", "m")
    return store


def test_an_unknown_model_may_be_asked(store: BreakerStore) -> None:
    assert store.admit("n", "m") == ALLOWED


def test_failures_seen_by_two_workers_open_the_breaker_of_both(
    client: redis.Redis,
) -> None:
    one, other = BreakerStore(client, POLICY), BreakerStore(client, POLICY)
    one.failed("n", "m")
    other.failed("n", "m")

    assert one.admit("n", "m") == REFUSED
    assert other.admit("n", "m") == REFUSED


def test_another_node_and_another_model_are_not_concerned(client: redis.Redis) -> None:
    store = opened(client)

    assert store.admit("n", "other") == ALLOWED
    assert store.admit("other", "m") == ALLOWED


def test_a_success_starts_the_count_anew(store: BreakerStore) -> None:
    store.failed("n", "m")
    store.succeeded("n", "m")
    store.failed("n", "m")

    assert store.admit("n", "m") == ALLOWED


def test_a_clean_record_is_not_written_again_and_again(
    store: BreakerStore, client: redis.Redis
) -> None:
    store.admit("n", "m")
    before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    store.succeeded("n", "m")

    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == before
    assert client.keys("breaker:*") == []


def test_of_many_workers_exactly_one_gets_the_probe(client: redis.Redis) -> None:
    opened(client, BreakerPolicy(threshold=2, timeout_seconds=0))
    stores = [BreakerStore(client, POLICY) for _ in range(8)]
    start = threading.Barrier(8)

    def admit(store: BreakerStore) -> Admission:
        start.wait()
        return store.admit("n", "m")

    with ThreadPoolExecutor(8) as pool:
        admissions = list(pool.map(admit, stores))

    assert sorted(admissions, key=repr) == sorted([PROBE] + [REFUSED] * 7, key=repr)


def test_a_successful_probe_closes_it_for_all(client: redis.Redis) -> None:
    store = opened(client, IMPATIENT)
    assert store.admit("n", "m") == PROBE
    store.succeeded("n", "m")

    assert BreakerStore(client, POLICY).admit("n", "m") == ALLOWED


def test_a_failed_probe_opens_it_again(client: redis.Redis) -> None:
    opened(client, IMPATIENT)
    store = BreakerStore(client, POLICY)
    assert store.admit("n", "m") == PROBE
    store.failed("n", "m")

    assert store.modes("n", ["m"]) == {"m": BreakerMode.OPEN}


def test_a_cancelled_probe_is_given_back(client: redis.Redis) -> None:
    opened(client, IMPATIENT)
    store = BreakerStore(client, POLICY)
    assert store.admit("n", "m") == PROBE
    assert store.admit("n", "m") == REFUSED
    store.proved_nothing("n", "m")

    assert store.admit("n", "m") == PROBE


def test_modes_are_told_for_many_models_at_once(client: redis.Redis) -> None:
    store = opened(client)

    assert store.modes("n", ["m", "x"]) == {
        "m": BreakerMode.OPEN,
        "x": BreakerMode.CLOSED,
    }
    assert store.modes("n", []) == {}


def test_a_breaker_that_is_turned_off_never_opens(client: redis.Redis) -> None:
    store = BreakerStore(client, BreakerPolicy(threshold=0, timeout_seconds=60))
    store.failed("n", "m")

    assert store.admit("n", "m") == ALLOWED
    assert store.modes("n", ["m"]) == {"m": BreakerMode.CLOSED}
    assert client.keys("breaker:*") == []


def test_a_forgotten_breaker_is_a_closed_one(client: redis.Redis) -> None:
    store = opened(client)
    client.flushall()

    assert store.admit("n", "m") == ALLOWED


def test_without_redis_every_breaker_is_closed() -> None:
    # Port 9 (discard) is served by nobody.
    client = connect("redis://127.0.0.1:9/0", timeout_seconds=1)
    store = BreakerStore(client, POLICY)
    store.failed("n", "m")
    store.succeeded("n", "m")
    store.proved_nothing("n", "m")

    assert store.admit("n", "m") == ALLOWED
    assert store.modes("n", ["m"]) == {"m": BreakerMode.CLOSED}


def test_a_change_that_always_comes_second_is_given_up(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker_store, "SWAP", "return 0")
    store = BreakerStore(client, POLICY)
    store.failed("n", "m")

    assert store.modes("n", ["m"]) == {"m": BreakerMode.CLOSED}
