"""Snapshots of nodes whose workers need not be of the same version."""

from dataclasses import asdict
from typing import Any

import orjson
import pytest
import redis

from backend.core.cluster import Cluster, GpuState, LoadedState, Snapshot

WHOLE = Snapshot(
    node="local",
    incarnation="one",
    worker="w",
    published_at=1.0,
    ollama_version="0.24.0",
    ollama_ok=True,
    memory_total=1,
    memory_available=1,
    concurrency=5,
    running=0,
    version="0.1.0",
    gpus=[GpuState(0, "gpu", 2, 1)],
    loaded=[LoadedState("tiny-chat:latest", 1, 0, 2_048, None)],
)


def put(client: redis.Redis, incarnation: str, values: Any) -> None:
    client.set(f"corral:node:local:{incarnation}", orjson.dumps(values))


def test_a_snapshot_is_read_as_it_was_published(client: redis.Redis) -> None:
    cluster = Cluster(client)
    cluster.publish(WHOLE)

    assert cluster.by_node() == {"local": [WHOLE]}
    cluster.withdraw("local", "one")
    assert cluster.snapshots() == []


def test_what_a_newer_worker_tells_beside_is_left_out(client: redis.Redis) -> None:
    values = asdict(WHOLE)
    values |= {
        "mood": "good",
        "gpus": [values["gpus"][0] | {"fans": 2}],
        "loaded": [values["loaded"][0] | {"layers": 28}],
    }
    put(client, "one", values)

    assert Cluster(client).snapshots() == [WHOLE]


def test_what_an_older_worker_does_not_tell_has_its_default(
    client: redis.Redis,
) -> None:
    values = asdict(WHOLE)
    for name in ("gpus", "loaded", "slots", "pace_seconds"):
        del values[name]
    put(client, "one", values)

    (read,) = Cluster(client).snapshots()
    assert (read.node, read.gpus, read.loaded) == ("local", [], [])
    assert (read.slots, read.pace_seconds) == ({}, {})


@pytest.mark.parametrize("strange", [{"node": "local"}, ["no", "snapshot"]])
def test_a_snapshot_that_is_none_does_not_hide_the_others(
    client: redis.Redis, strange: Any
) -> None:
    put(client, "strange", strange)
    Cluster(client).publish(WHOLE)

    assert Cluster(client).snapshots() == [WHOLE]
