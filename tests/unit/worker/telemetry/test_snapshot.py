"""What a worker tells about its node."""

from typing import Any

import pytest

from backend.core.cluster import Snapshot
from backend.core.forecast import jobs_per_second
from backend.core.jobs.states import Kind
from tests.factories import MODEL, claimed_job
from tests.unit.worker.generation.test_embed import Bench, job
from tests.unit.worker.telemetry.node import Node
from worker.generation.reply import Reply

REPLY = Reply({"text": "hi"}, "stop", 3, 4, {})


@pytest.fixture
def bench() -> Bench:
    return Bench()


def published(bench: Bench) -> Snapshot:
    node = Node(bench)
    node.telemetry.look()
    (snapshot,) = node.published
    return snapshot


def test_nothing_is_known_of_the_pace_before_the_first_answer(bench: Bench) -> None:
    assert published(bench).pace_seconds == {}


def test_the_pace_of_answers_is_published_and_gives_a_forecast(bench: Bench) -> None:
    holding = bench.holdings.hold(claimed_job())
    holding.claimed_at -= 2
    bench.settler.succeeded(holding, REPLY)

    snapshot = published(bench)

    assert snapshot.pace_seconds == {MODEL: pytest.approx(2.0, abs=0.5)}
    assert jobs_per_second(MODEL, [snapshot]) == pytest.approx(2.0, abs=0.5)


def test_a_nodes_own_work_has_no_pace(bench: Bench) -> None:
    holding = bench.holdings.hold(claimed_job(kind=Kind.LOAD))
    bench.settler.succeeded(holding, Reply({}, None, None, None, {}))

    assert published(bench).pace_seconds == {}


def test_the_time_of_a_joined_call_is_shared_by_its_jobs() -> None:
    took: list[float] = []
    bench = Bench()
    bench.pace.took = lambda _, seconds: took.append(seconds)  # type: ignore[method-assign]  # to see it

    def embed(body: Any, *_: object) -> dict[str, Any]:
        for holding in bench.holdings.jobs():
            holding.claimed_at -= 3
        return {"embeddings": [[1.0]] * len(body["input"])}

    bench.ollama._embed = embed
    bench.answer(job("a"), job("b"), job("c"))

    assert took == [pytest.approx(1.0, abs=0.5)] * 3
