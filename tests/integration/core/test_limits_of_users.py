"""What a user's keys use together, on a real Redis."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from backend.core.db import Database
from backend.core.jobs.repository.query import JobQuery
from backend.core.limits.decision import Allowance, Limits, Standing, Subject, Whose
from backend.core.limits.reconciliation import Reconciled, Reconciliation
from backend.core.limits.reservations import Reservations, Settlement, Verdict
from backend.core.redis_client import KeptConnections

USER = 3


class Bench:
    """Two keys of one user."""

    def __init__(self, client: Any, connections: KeptConnections) -> None:
        self.client = client  # its replies may be awaited, say its types
        self.reservations = Reservations(connections)

    def ask(
        self, job: str, *, of_user: Limits, key: int = 1, of_key: Limits | None = None
    ) -> Verdict:
        allowance = Allowance(key, of_key or Limits(), USER, of_user)
        return self.reservations.reserve(allowance, {job: 10})

    def used(self, whose: Whose = Whose.USER, number: int = USER) -> tuple[int, ...]:
        at: Standing = self.reservations.standing(Subject(whose, number, Limits()))
        return at.requests, at.tokens, at.charged, at.reserved, at.places


@pytest.fixture
def bench(client: redis.Redis, connections: KeptConnections) -> Bench:
    return Bench(client, connections)


def test_a_request_of_several_jobs_is_of_both_budgets_or_of_none(bench: Bench) -> None:
    of_user, of_key = Limits(rpm=5, max_concurrency=3), Limits(rpm=9)
    allowance = Allowance(1, of_key, USER, of_user)

    taken = bench.reservations.reserve(allowance, {"a": 10, "b": 20})
    refused = bench.reservations.reserve(allowance, {"c": 10, "d": 20})

    assert taken.hindrance is None
    assert refused.hindrance is not None
    assert refused.hindrance.detail.startswith("The user, with all keys together,")
    assert bench.used() == bench.used(Whose.KEY, 1) == (2, 30, 0, 30, 2)
    bench.reservations.release(1, ["a", "b"])
    assert bench.used() == bench.used(Whose.KEY, 1) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "most",
    [
        Limits(rpm=10),
        Limits(tpm=109),
        Limits(daily_tokens=109),
        Limits(max_concurrency=10),
    ],
)
def test_many_keys_at_once_are_one_budget(bench: Bench, most: Limits) -> None:
    def ask(number: int) -> bool:
        found = bench.ask(f"job-{number}", of_user=most, key=number % 20)
        return found.hindrance is None

    with ThreadPoolExecutor(50) as pool:
        admitted = list(pool.map(ask, range(200)))

    assert admitted.count(True) == 10
    assert bench.used() == (10, 100, 0, 100, 10)


def test_what_either_refuses_neither_holds(bench: Bench) -> None:
    one = Limits(rpm=1)
    bench.ask("a", of_user=Limits(rpm=9), of_key=one)
    by_key = bench.ask("b", of_user=Limits(rpm=9), of_key=one).hindrance
    by_user = bench.ask("c", of_user=one, key=2, of_key=Limits(rpm=9)).hindrance

    assert by_key is not None
    assert by_key.detail.startswith("The key is allowed 1")
    assert by_user is not None
    assert by_user.detail.startswith("The user, with all keys together, is allowed 1")
    assert bench.used() == (1, 10, 0, 10, 1)
    assert bench.used(Whose.KEY, 1) == (1, 10, 0, 10, 1)
    assert bench.used(Whose.KEY, 2) == (0, 0, 0, 0, 0)


def test_an_end_settles_with_the_key_and_with_its_user(bench: Bench) -> None:
    limits = Limits(max_concurrency=9)
    for job in ("a", "b"):
        bench.ask(job, of_user=limits)
    settle = bench.reservations.settle
    assert settle([Settlement(1, "a", 4), Settlement(1, "a", 4)]) == 1
    bench.reservations.release(1, "b")

    for used in (bench.used(), bench.used(Whose.KEY, 1)):
        assert used == (1, 4, 4, 0, 0)


def test_limits_that_are_taken_away_meanwhile_are_settled_all_the_same(
    bench: Bench,
) -> None:
    bench.ask("a", of_user=Limits(rpm=9))
    # From now on nobody asks for the user; and of what came before, nobody did.
    bench.reservations.reserve(Allowance(1, Limits(rpm=9)), {"b": 10})
    for job in ("a", "b"):
        bench.reservations.settle([Settlement(1, job, 4)])

    assert bench.used() == (1, 4, 4, 0, 0)
    assert bench.used(Whose.KEY, 1) == (2, 8, 8, 0, 0)


def test_a_reservation_that_is_asked_for_again_is_one_of_both(bench: Bench) -> None:
    verdicts = [bench.ask("a", of_user=Limits(rpm=1)) for _ in range(2)]

    assert [verdict.hindrance for verdict in verdicts] == [None, None]
    assert bench.used() == (1, 10, 0, 10, 1)


def test_a_user_and_a_lineage_of_one_number_have_nothing_in_common(
    bench: Bench,
) -> None:
    bench.ask("a", of_user=Limits(rpm=1), key=USER)
    bench.reservations.reserve(Allowance(USER, Limits(rpm=9)), {"b": 10})

    assert bench.used()[0] == 1
    assert bench.used(Whose.KEY, USER)[0] == 2


def test_what_a_crash_left_behind_is_ended_for_both(
    bench: Bench, database: Database
) -> None:
    bench.ask("never-inserted", of_user=Limits(rpm=9))
    key = "corral:limits:open"
    bench.client.zunionstore(key, {key: 0})
    query = JobQuery(database)
    upkeep = Reconciliation(bench.reservations, query, unborn_ms=0)

    assert upkeep.run() == Reconciled(settled=0, released=1, under_way=0)
    assert bench.used() == (0, 0, 0, 0, 0)
    assert bench.client.keys("corral:limits:*:open") == []
