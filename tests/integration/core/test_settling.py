"""How what keys with limits hold comes to its end, on a real Redis."""

import pytest
import redis

from backend.core.errors import QueueUnavailableError
from backend.core.jobs.records import Moved
from backend.core.jobs.states import Kind, State
from backend.core.limits.decision import Allowance, Limit, Limits
from backend.core.limits.reservations import Open, Reservations, Settlement
from backend.core.redis_client import KeptConnections, connect
from tests.integration.core.limits_bench import MINUTE_MS, Bench
from tests.servers import RedisServer


@pytest.fixture
def bench(client: redis.Redis, connections: KeptConnections) -> Bench:
    return Bench(client, connections)


def test_an_end_charges_what_was_really_used(bench: Bench) -> None:
    assert bench.ask(cost=60, tpm=100, daily_tokens=100) is None
    assert bench.settle("job-0", 25) == 1

    assert bench.used() == (1, 25, 25, 0, 0)
    assert bench.ask(cost=75, tpm=100, daily_tokens=100) is None
    assert bench.settle("job-1", 80) == 1
    assert bench.used() == (2, 105, 105, 0, 0)
    bench.pass_ms(MINUTE_MS)
    assert bench.used() == (0, 0, 105, 0, 0)


def test_a_second_end_does_nothing(bench: Bench) -> None:
    bench.ask(cost=60)
    both = [Settlement(1, "job-0", 25), Settlement(1, "job-0", 25)]

    assert bench.reservations.settle(both) == 1
    assert bench.settle("job-0", 99) == 0
    assert bench.settle("unknown", 99) == 0
    assert bench.reservations.settle([]) == 0
    assert bench.used() == (1, 25, 25, 0, 0)


def test_a_late_end_charges_its_day_and_no_other_minute(bench: Bench) -> None:
    bench.ask(cost=60)
    bench.pass_ms(MINUTE_MS)
    bench.pass_a_day()
    assert bench.used() == (0, 0, 0, 0, 1)

    bench.settle("job-0", 25)

    assert bench.used() == (0, 0, 0, 0, 0)
    (key,) = bench.client.keys("corral:limits:1:day:*")
    assert bench.client.hgetall(key) == {b"charged": b"25", b"reserved": b"0"}


def test_an_end_after_its_day_was_forgotten_only_frees_its_place(bench: Bench) -> None:
    bench.ask(cost=60)
    (key,) = bench.client.keys("corral:limits:1:day:*")
    bench.client.delete(key)

    bench.settle("job-0", 25)

    assert bench.used() == (1, 25, 0, 0, 0)


def test_what_was_never_accepted_leaves_nothing(bench: Bench) -> None:
    bench.ask(rpm=2)
    bench.ask(rpm=2)
    bench.reservations.release(1, ["job-1"])

    assert bench.used() == (1, 10, 0, 10, 1)
    assert bench.ask(rpm=2) is None


def test_a_reservation_that_is_asked_for_again_is_one(bench: Bench) -> None:
    limits = Allowance(1, Limits(rpm=1, max_concurrency=1))

    verdicts = [bench.reservations.reserve(limits, {"a": 10}) for _ in range(2)]

    assert [verdict.hindrance for verdict in verdicts] == [None, None]
    assert bench.used() == (1, 10, 0, 10, 1)


def test_the_jobs_of_today_hold_back_tokens_that_are_not_used_up(bench: Bench) -> None:
    limits = Allowance(1, Limits(daily_tokens=100))
    bench.reservations.reserve(limits, {"a": 60})

    held = bench.reservations.reserve(limits, {"b": 60}).hindrance
    bench.settle("a", 50)
    used = bench.reservations.reserve(limits, {"b": 60}).hindrance
    bench.pass_a_day()

    assert held is not None
    assert held.as_error().code == "rate_limited"
    assert used is not None
    assert used.as_error().code == "insufficient_quota"
    assert bench.reservations.reserve(limits, {"b": 60}).hindrance is None


def test_lineages_have_nothing_in_common(bench: Bench) -> None:
    reserve = bench.reservations.reserve

    assert reserve(Allowance(1, Limits(rpm=1)), {"a": 1}).hindrance is None
    assert reserve(Allowance(11, Limits(rpm=1)), {"a": 1}).hindrance is None
    assert reserve(Allowance(1, Limits(rpm=1)), {"b": 1}).hindrance is not None


def test_limits_that_were_lowered_wait_until_enough_has_slid(bench: Bench) -> None:
    for _ in range(3):
        bench.ask(rpm=3)
        bench.pass_ms(10_000)

    verdict = bench.reservations.reserve(Allowance(1, Limits(rpm=1)), {"x": 1})

    # The newest is 10 s old; it too must have slid.
    assert verdict.hindrance is not None
    assert 49_000 < (verdict.hindrance.wait_ms or 0) <= 50_000


@pytest.mark.parametrize("state", [State.CANCELLED, State.QUEUED])
def test_a_moved_job_gives_back_what_it_held_once_it_has_ended(
    bench: Bench, state: State
) -> None:
    bench.ask()
    for limits_id in (1, None):
        moved = Moved("job-0", 0, state, "m", "m", Kind.CHAT, limits_id=limits_id)
        bench.reservations.settle_moved(moved)

    assert bench.used()[-1] == (0 if state is State.CANCELLED else 1)


def test_what_nobody_settles_is_due_after_a_while_and_then_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "backend.core.limits.reservations.LOOK_AFTER_MS"
    bench.ask()
    assert bench.reservations.due(9) == []
    monkeypatch.setattr(name, 0)
    bench.ask()
    (held,) = bench.reservations.due(9)
    monkeypatch.setattr(name, 10_000)

    bench.reservations.postpone([held])

    assert (held.lineage_id, held.job_id) == (1, "job-1")
    assert 0 <= held.age_ms < 5_000
    assert bench.reservations.due(9) == []
    bench.reservations.postpone([Open(1, "unknown", 1)])
    assert bench.client.zcard("corral:limits:open") == 2


def test_a_list_of_what_is_not_held_mends_itself(bench: Bench) -> None:
    bench.client.zadd("corral:limits:open", {"1:gone": 0})

    assert bench.reservations.due(9) == []
    assert bench.client.zcard("corral:limits:open") == 0


def test_nothing_but_what_is_under_way_is_kept_for_ever(bench: Bench) -> None:
    bench.ask()
    keys = {key.decode() for key in bench.client.keys("*")}

    lasting = {key for key in keys if bench.client.pttl(key) == -1}

    assert len(keys) == 5
    assert lasting == {"corral:limits:open", "corral:limits:1:open"}


def test_without_redis_nothing_is_allowed_and_no_end_fails() -> None:
    client = connect("redis://127.0.0.1:1/0", timeout_seconds=0.25)
    away = Reservations(KeptConnections(client))

    with pytest.raises(QueueUnavailableError):
        away.reserve(Allowance(1, Limits(rpm=1)), {"a": 1})
    with pytest.raises(QueueUnavailableError):
        away.standing(Allowance(1, Limits(rpm=1)).subjects[0])
    assert away.settle([Settlement(1, "a")]) == 0


def test_a_redis_that_was_restarted_is_asked_at_once(
    bench: Bench, redis_server: RedisServer
) -> None:
    bench.ask(rpm=2)
    redis_server.restart()

    assert bench.ask(rpm=2) is None
    assert bench.ask(rpm=2) is Limit.REQUESTS
