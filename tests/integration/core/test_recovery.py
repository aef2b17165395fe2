"""JOBS.md 5, 14: whoever dies, somebody looks again."""

from typing import Any

import pytest
import redis

from backend.core.cluster import Cluster, GpuState, LoadedState, Snapshot
from backend.core.db import Database
from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.recovery import Recovered, Recovery
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.states import State
from backend.core.limits.decision import Allowance, Limits
from backend.core.limits.reservations import Reservations
from backend.core.queue import Slot, Wake
from backend.core.redis_client import KeptConnections
from backend.core.streams.outsider import OutsiderStream
from tests.factories import MODEL, insert, new_job
from tests.integration.core.jobs import claim_one, past, row, transitions


class Bench:
    """A recovery on real stores, by a clock of the test's."""

    def __init__(
        self, database: Database, client: redis.Redis, connections: KeptConnections
    ) -> None:
        self.now, self.sent = 1_000.0, list[str]()
        self.query, self.wake = JobQuery(database), Wake(connections)
        self.reservations = Reservations(connections)
        self.recovery = Recovery(
            transition=transitions(database),
            query=self.query,
            wake=self.wake,
            outsider=OutsiderStream(client, lifetime_ms=60_000),
            reservations=self.reservations,
            send_ticket=self.sent.append,
            lease_ms=6_000,
            clock=lambda: self.now,
        )

    def tick(self, seconds: float = 1.0) -> Recovered:
        self.now += seconds
        return self.recovery.tick()

    def settle(self) -> None:
        """Let the patience of the start pass."""
        for _ in range(8):
            self.tick()


@pytest.fixture
def bench(
    database: Database, client: redis.Redis, connections: KeptConnections
) -> Bench:
    return Bench(database, client, connections)


def lost(database: Database) -> str:
    job_id = claim_one(database, new_job()).id
    past(database, job_id, "lease_expires_at")
    return job_id


def test_a_lost_job_is_queued_again(bench: Bench, database: Database) -> None:
    bench.settle()
    job_id = lost(database)

    assert bench.tick() == Recovered(requeued=1, ended=0, expired=0, tickets=0)
    assert row(database, job_id).state is State.QUEUED


def test_what_cannot_go_back_ends_and_its_readers_are_told(
    bench: Bench, database: Database, client: redis.Redis
) -> None:
    bench.settle()
    job_id = lost(database)
    transitions(database).cancel(job_id)
    (waiting,) = insert(database, new_job())
    past(database, waiting, "queue_expires_at")

    assert bench.tick() == Recovered(requeued=0, ended=1, expired=1, tickets=0)
    assert row(database, job_id).state is State.CANCELLED
    for one in (job_id, waiting):
        ((_, fields),) = client.xrange(f"corral:stream:{one}")  # type: ignore[misc]  # not a coroutine
        assert fields[b"e"] == b"end"


def test_what_recovery_ends_gives_back_what_its_keys_limits_held(
    bench: Bench, database: Database
) -> None:
    bench.settle()
    limits = Allowance(7, Limits(max_concurrency=9))
    ended, requeued, waiting = (new_job(limits_id=7) for _ in range(3))
    for job in (ended, requeued, waiting):
        bench.reservations.reserve(limits, {job.id: 10})
    for job in (ended, requeued):
        past(database, claim_one(database, job).id, "lease_expires_at")
    transitions(database).cancel(ended.id)
    insert(database, waiting)
    past(database, waiting.id, "queue_expires_at")

    assert bench.tick() == Recovered(requeued=1, ended=1, expired=1, tickets=0)
    assert bench.reservations.standing(limits.subjects[0]).places == 1


def test_rule_5_a_fresh_recovery_gives_holders_a_whole_lease_first(
    bench: Bench, database: Database
) -> None:
    lost(database)

    assert [bench.tick().requeued for _ in range(8)] == [0] * 6 + [1, 0]


def test_rule_5_after_a_gap_in_its_own_contact_recovery_waits_a_lease(
    bench: Bench, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.settle()
    lost(database)

    def away(_: int) -> int:
        raise DatabaseUnavailableError

    with monkeypatch.context() as outage:
        outage.setattr(bench.query, "queued_count", away)
        with pytest.raises(DatabaseUnavailableError):
            bench.tick()

    assert [bench.tick().requeued for _ in range(8)] == [0] * 6 + [1, 0]
    lost(database)
    assert bench.tick(seconds=30).requeued == 0


def test_rule_14_models_with_due_jobs_get_the_tickets_that_they_lack(
    bench: Bench, database: Database, client: redis.Redis
) -> None:
    insert(database, *[new_job() for _ in range(5)], new_job(model="nowhere:latest"))
    insert(database, new_job(lane="node:n"))
    bench.wake.publish_capacity(MODEL, "n", 4)
    bench.wake.take_slot(Slot(MODEL, "n", "s"), slots=4, lease_ms=60_000)
    client.rpush(f"gen:{MODEL}", "a waiting ticket")

    assert bench.tick().tickets == 2
    assert bench.sent == [MODEL, MODEL]


def test_rule_14_no_ticket_is_sent_where_no_slot_is_free(
    bench: Bench, database: Database
) -> None:
    insert(database, new_job())
    bench.wake.publish_capacity(MODEL, "n", 1)
    bench.wake.take_slot(Slot(MODEL, "n", "s"), slots=1, lease_ms=60_000)

    assert bench.tick().tickets == 0


def snapshot(**over: Any) -> Snapshot:
    values: dict[str, Any] = {
        "node": "n",
        "incarnation": "i",
        "worker": "w",
        "published_at": 1.0,
        "ollama_version": "0.24.0",
        "ollama_ok": True,
        "memory_total": 10,
        "memory_available": 5,
        "concurrency": 5,
        "running": 0,
        "version": "1",
    }
    return Snapshot(**(values | over))


def test_snapshots_are_read_as_they_were_published(client: redis.Redis) -> None:
    cluster = Cluster(client)
    full = snapshot(
        gpus=[GpuState(0, "H100", 80, 10)],
        loaded=[LoadedState("m", 1, 1, None, None)],
        ollama_version="0.24.0-sim",
    )
    cluster.publish(full)
    cluster.publish(snapshot(incarnation="j"))
    cluster.publish(snapshot(node="other"))

    assert cluster.snapshots()[0] == full
    assert {node: len(all_) for node, all_ in cluster.by_node().items()} == {
        "n": 2,
        "other": 1,
    }
    assert full.simulated
    assert not snapshot(ollama_version=None).simulated
    assert 0 < client.pttl("corral:node:n:i") <= 10_000


def test_a_node_without_snapshots_is_gone(client: redis.Redis) -> None:
    cluster = Cluster(client)
    cluster.publish(snapshot())
    cluster.withdraw("n", "i")

    assert cluster.snapshots() == []
    assert cluster.by_node() == {}
