"""JOBS.md 12: joined embeddings, each with its own end."""

from typing import Any

import pytest

from backend.core.jobs.records import Claimed
from backend.core.jobs.states import State
from tests.factories import EMBED_MODEL
from tests.unit.worker.generation.embed_bench import Bench, answer_all, job
from worker.holdings import Holding
from worker.ollama.abort import AbortSwitch
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import (
    ContextTooLongError,
    UpstreamUnavailableError,
)


def test_each_job_of_a_joined_call_gets_exactly_its_own_vectors() -> None:
    first, second, third = job("a", "bb"), job("ccc"), job("dddd", "e")
    bench = Bench()

    assert bench.answer(first, second, third)

    (body,) = bench.ollama.bodies
    assert body["input"] == ["a", "bb", "ccc", "dddd", "e"]
    assert bench.vectors(first) == [[1.0, 97.0], [2.0, 98.0]]
    assert bench.vectors(second) == [[3.0, 99.0]]
    assert bench.vectors(third) == [[4.0, 100.0], [1.0, 101.0]]
    paid = [bench.finish.ends[one.id].prompt_tokens for one in (first, second, third)]
    assert paid == [2, 3, 5]
    assert bench.holdings.jobs() == []
    assert [len(batch) for batch in bench.finish.batches] == [3]
    assert bench.gatherer.expects_company(EMBED_MODEL)
    for one in (first, second, third):
        record = bench.finish.ends[one.id].record
        assert (record.model_digest, record.options) == (
            f"digest of {EMBED_MODEL}",
            "{}",
        )


def test_what_was_begun_before_a_job_that_cannot_be_is_let_go() -> None:
    bench = Bench()
    broken = job("b", request_id="broken")
    begin = bench.embedder._answerer.begin

    def begin_or_fail(one: Claimed) -> Holding:
        if one.request_id == "broken":
            raise MemoryError
        return begin(one)

    bench.embedder._answerer.begin = begin_or_fail  # type: ignore[method-assign]  # one cannot be

    with pytest.raises(MemoryError):
        bench.answer(job("a"), broken)
    assert bench.holdings.jobs() == []


def test_a_callers_mistake_is_repeated_one_by_one_and_counts_as_no_failure() -> None:
    good, bad, fine = job("good"), job("bad"), job("fine")
    bench = Bench()

    def embed(
        body: dict[str, Any], limits: Deadlines, switch: AbortSwitch
    ) -> dict[str, Any]:
        if "bad" in body["input"]:
            raise ContextTooLongError
        return answer_all(body, limits, switch)

    bench.ollama._embed = embed

    assert bench.answer(good, bad, fine)
    assert bench.states(good, bad, fine) == [
        State.SUCCEEDED,
        State.FAILED,
        State.SUCCEEDED,
    ]
    assert "failed" not in bench.breaker.told


def test_a_failure_of_the_node_hands_all_of_them_back() -> None:
    jobs = [job("a"), job("b")]
    bench = Bench()

    def embed(*_: object) -> dict[str, Any]:
        raise UpstreamUnavailableError

    bench.ollama._embed = embed

    assert not bench.answer(*jobs)
    assert [back.id for back in bench.transition.handbacks] == [one.id for one in jobs]
    assert {back.costs for back in bench.transition.handbacks} == {1}


def test_an_answer_with_too_few_vectors_is_malformed() -> None:
    bench = Bench()
    bench.ollama._embed = lambda *_: {"embeddings": [[1.0]]}

    assert not bench.answer(job("a", "b"))
    assert bench.transition.handbacks[0].reason == "upstream_error"
