"""Reservations that a crash left behind are ended by what became of their jobs."""

from typing import Any

import pytest
import redis

from backend.core.db import Database
from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.repository.finish import JobFinish
from backend.core.jobs.repository.query import JobQuery
from backend.core.limits.decision import Allowance, Limits
from backend.core.limits.reconciliation import Reconciled, Reconciliation
from backend.core.limits.reservations import Reservations, Settlement
from backend.core.redis_client import KeptConnections
from tests.factories import finish_of, insert, new_job
from tests.integration.core.jobs import claim_one

LIMITS = Allowance(7, Limits(max_concurrency=99))


class Bench:
    """Reservations that are due from the first."""

    def __init__(
        self, database: Database, client: redis.Redis, connections: KeptConnections
    ) -> None:
        self.database = database
        self.client: Any = client
        self.reservations = Reservations(connections)
        self.query = JobQuery(database)

    def reserve(self, job_id: str) -> None:
        assert self.reservations.reserve(LIMITS, {job_id: 100}).hindrance is None
        self.make_due()

    def make_due(self) -> None:
        self.client.zunionstore("corral:limits:open", {"corral:limits:open": 0})

    def run(self, *, unborn_ms: int = 60_000) -> Reconciled:
        return Reconciliation(self.reservations, self.query, unborn_ms=unborn_ms).run()

    def used(self) -> tuple[int, int, int]:
        at = self.reservations.standing(LIMITS.subjects[0])
        return at.requests, at.tokens, at.places


@pytest.fixture
def bench(
    database: Database, client: redis.Redis, connections: KeptConnections
) -> Bench:
    return Bench(database, client, connections)


def test_a_job_that_ended_unsettled_is_charged_what_it_took(
    bench: Bench, database: Database
) -> None:
    job = new_job(limits_id=7)
    bench.reserve(job.id)
    claimed = claim_one(database, job)
    JobFinish(database)([finish_of(claimed, prompt_tokens=3, completion_tokens=4)])

    assert bench.run() == Reconciled(settled=1, released=0, under_way=0)
    assert bench.used() == (1, 7, 0)
    assert bench.run() == Reconciled(0, 0, 0)


def test_jobs_under_way_keep_what_they_hold_and_are_looked_at_later(
    bench: Bench, database: Database
) -> None:
    queued, running = new_job(limits_id=7), new_job(limits_id=7)
    insert(database, queued)
    claim_one(database, running)
    for job in (queued, running):
        bench.reserve(job.id)

    assert bench.run() == Reconciled(settled=0, released=0, under_way=2)
    assert bench.used() == (2, 200, 2)
    assert bench.run() == Reconciled(0, 0, 0)
    bench.make_due()
    assert bench.run().under_way == 2


def test_a_reservation_without_a_job_is_released_when_none_can_come_any_more(
    bench: Bench,
) -> None:
    bench.reserve("never-inserted")

    assert bench.run() == Reconciled(settled=0, released=0, under_way=1)
    bench.make_due()
    assert bench.run(unborn_ms=0) == Reconciled(settled=0, released=1, under_way=0)
    assert bench.used() == (0, 0, 0)


def test_all_that_are_due_are_looked_at(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.core.limits.reconciliation._BATCH", 2)
    for number in range(5):
        bench.reserve(f"job-{number}")

    assert bench.run(unborn_ms=0).released == 5


def test_an_outage_changes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise DatabaseUnavailableError

    bench.reserve("a")
    monkeypatch.setattr(bench.query, "get_many", away)

    with pytest.raises(DatabaseUnavailableError):
        bench.run(unborn_ms=0)
    assert bench.used() == (1, 100, 1)


def test_what_redis_does_not_take_now_is_not_asked_for_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(settlements: list[Settlement]) -> int:
        return 0

    bench.reserve("a")
    monkeypatch.setattr(bench.reservations, "settle", refuse)

    assert bench.run(unborn_ms=0).released == 1
    assert bench.used() == (1, 100, 1)
