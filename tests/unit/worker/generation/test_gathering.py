"""JOBS.md 12: what is claimed for one call, and when more of it is waited for."""

import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.records import Due
from backend.core.jobs.states import Kind
from tests.factories import EMBED_MODEL, due_job
from tests.fakes.generation import FakeClaim
from worker.generation.gathering import Gatherer
from worker.generation.joining import MOST_BYTES
from worker.generation.ledger import Ledger


def embed(text: str = "a text", **over: Any) -> Due:
    request = orjson.dumps({"input": text})
    return due_job(kind=Kind.EMBED, model=EMBED_MODEL, request=request, **over)


class FakeDraining(threading.Event):
    """Waits for nothing; `meanwhile` happens in the time that it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float | None] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        self.meanwhile()
        return self.is_set()


class Bench:
    def __init__(self, *due: Due) -> None:
        self.claim, self.draining, self.now = FakeClaim(*due), FakeDraining(), 100.0
        self.gatherer = Gatherer(
            Ledger(self.claim, None, None, None),  # type: ignore[arg-type]  # a fake; no ends here
            batch_size=4,
            wait_ms=5,
            draining=self.draining,
            clock=lambda: self.now,
        )

    def answered(self, jobs: int, *, seconds: float = 1.0) -> None:
        self.gatherer.called(EMBED_MODEL, jobs=jobs, seconds=seconds)

    def ids(self) -> list[str]:
        return [job.id for job in self.gatherer.claim(EMBED_MODEL)]


def test_all_that_go_into_one_call_are_claimed_by_one_look() -> None:
    bench = Bench(*[embed(id=name) for name in "abcdef"])

    assert bench.ids() == ["a", "b", "c", "d"]
    assert bench.ids() == ["e", "f"]
    assert bench.ids() == []
    assert bench.claim.looks == 3
    assert bench.draining.waited == []


def test_a_lone_caller_does_not_wait() -> None:
    bench = Bench(embed(id="a"))
    bench.answered(1)

    assert bench.ids() == ["a"]
    assert bench.draining.waited == []
    assert not bench.gatherer.expects_company(EMBED_MODEL)


def test_those_who_came_together_are_waited_for() -> None:
    bench = Bench(embed(id="a"))
    bench.answered(3)
    bench.draining.meanwhile = lambda: bench.claim.due.append(embed(id="b"))

    assert bench.gatherer.expects_company(EMBED_MODEL)
    assert bench.ids() == ["a", "b"]
    assert bench.draining.waited == [0.005]


def test_company_is_expected_for_a_moment_only() -> None:
    bench = Bench(embed(id="a"))
    bench.answered(3)
    bench.now += 2

    assert not bench.gatherer.expects_company(EMBED_MODEL)
    assert bench.ids() == ["a"]
    assert bench.draining.waited == []


def test_nobody_waits_for_an_empty_queue() -> None:
    bench = Bench()
    bench.answered(3)

    assert bench.ids() == []
    assert bench.draining.waited == []


def test_what_is_cancelled_during_the_wait_is_not_claimed() -> None:
    bench = Bench(embed(id="a"), embed(id="b"))
    bench.answered(4)
    bench.draining.meanwhile = lambda: bench.claim.due.pop(0)

    assert bench.ids() == ["b"]


def test_rule_24_a_drain_ends_the_wait_and_nothing_is_claimed() -> None:
    bench = Bench(embed(id="a"))
    bench.answered(4)
    bench.draining.meanwhile = bench.draining.set

    assert bench.ids() == []
    assert bench.claim.taken == []


@pytest.mark.parametrize("outages", [[True], [False, True], [False, False, True]])
def test_an_outage_is_told_and_leaves_nothing_claimed(outages: list[bool]) -> None:
    bench = Bench(embed(id="a"))
    bench.answered(4)
    bench.claim.outages = outages

    with pytest.raises(DatabaseUnavailableError):
        bench.ids()
    assert bench.claim.taken == []


def test_jobs_that_others_took_are_looked_past() -> None:
    bench = Bench(embed(id="a"), embed(id="b"))
    take = bench.claim.take

    def take_late(due: Any) -> Any:
        bench.claim.take = take  # type: ignore[method-assign]  # once
        bench.claim.due = [embed(id="c")]
        return take(due)

    bench.claim.take = take_late  # type: ignore[method-assign]  # others were faster

    assert bench.ids() == ["c"]


def test_a_long_request_is_read_only_when_it_is_its_turn() -> None:
    text = "x" * MOST_BYTES
    bench = Bench(embed(id="short"), embed(text, id="long"), embed(id="other"))

    assert bench.ids() == ["short", "other"]
    (claimed,) = bench.gatherer.claim(EMBED_MODEL)
    assert claimed.id == "long"
    assert orjson.loads(claimed.request) == {"input": text}
