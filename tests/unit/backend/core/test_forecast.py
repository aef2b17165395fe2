from typing import Any

import redis

from backend.core.cluster import Snapshot
from backend.core.forecast import Forecast, jobs_per_second
from backend.core.recent_snapshots import RecentSnapshots

MODEL = "tiny-chat:latest"


def snapshot(**over: Any) -> Snapshot:
    values: dict[str, Any] = {
        "node": "local",
        "incarnation": "one",
        "worker": "w",
        "published_at": 0.0,
        "ollama_version": None,
        "ollama_ok": True,
        "memory_total": 1,
        "memory_available": 1,
        "concurrency": 1,
        "running": 0,
        "version": "1",
        "slots": {MODEL: 4},
        "pace_seconds": {MODEL: 2.0},
    }
    return Snapshot(**(values | over))


class FakeCluster:
    def __init__(self, *snapshots: Snapshot) -> None:
        self.given = list(snapshots)
        self.asked = 0
        self.down = False

    def snapshots(self) -> list[Snapshot]:
        self.asked += 1
        if self.down:
            raise redis.ConnectionError
        return self.given


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def forecast(cluster: FakeCluster, clock: Clock | None = None) -> Forecast:
    fake: Any = cluster
    return Forecast(RecentSnapshots(fake, clock=clock or Clock()))


def test_the_nodes_speeds_add_up_and_a_nodes_workers_share_one() -> None:
    seen = [
        snapshot(),
        snapshot(incarnation="two"),
        snapshot(node="far", pace_seconds={MODEL: 1.0}),
    ]

    assert jobs_per_second(MODEL, seen) == 2.0 + 4.0


def test_a_model_that_nobody_answered_yet_has_no_speed() -> None:
    seen = [snapshot(pace_seconds={}), snapshot(slots={})]

    assert jobs_per_second(MODEL, seen) == 0


def test_a_wait_is_the_place_over_the_speed() -> None:
    assert forecast(FakeCluster(snapshot())).eta_seconds(MODEL, 5) == 2.5


def test_nothing_is_guessed_without_a_place_a_node_or_redis() -> None:
    away = FakeCluster(snapshot())
    away.down = True

    assert forecast(FakeCluster(snapshot())).eta_seconds(MODEL, None) is None
    assert forecast(FakeCluster()).eta_seconds(MODEL, 1) is None
    assert forecast(away).eta_seconds(MODEL, 1) is None


def test_the_nodes_are_asked_once_a_second() -> None:
    cluster, clock = FakeCluster(snapshot()), Clock()
    guess = forecast(cluster, clock)

    for moment in (100.0, 100.5, 101.0):
        clock.now = moment
        guess.eta_seconds(MODEL, 1)

    assert cluster.asked == 2


def test_what_is_forgotten_is_read_again() -> None:
    cluster = FakeCluster(snapshot())
    guess = forecast(cluster)
    guess.eta_seconds(MODEL, 1)

    guess.forget()
    guess.eta_seconds(MODEL, 1)

    assert cluster.asked == 2
