"""Joined embeddings that are cut off: cancelled, drained, late."""

import threading
from typing import Any

from backend.core.jobs.states import State
from tests.fakes.generation import (
    claimed_of,
)
from tests.unit.worker.generation.embed_bench import Bench, answer_all, job
from worker.generation.embed import JoinedCall
from worker.holdings import AbortReason, Holding
from worker.ollama.abort import AbortSwitch
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import (
    AttemptTimeoutError,
)


def test_a_cancelled_one_ends_at_once_and_the_others_go_on() -> None:
    first, second = job("a"), job("bb")
    bench = Bench()
    ended = threading.Event()
    settle = bench.settler.aborted

    def aborted(*arguments: Any) -> None:
        settle(*arguments)
        ended.set()

    bench.settler.aborted = aborted  # type: ignore[method-assign]  # to hear of it

    def embed(
        body: dict[str, Any], limits: Deadlines, switch: AbortSwitch
    ) -> dict[str, Any]:
        holding = bench.holdings.find(first.id)
        assert holding is not None
        bench.holdings.abort([holding], AbortReason.CANCELLED)
        assert ended.wait(10)
        assert bench.states(first) == [State.CANCELLED]
        assert switch.reason is None
        return answer_all(body, limits, switch)

    bench.ollama._embed = embed

    assert bench.answer(first, second)
    assert bench.states(first, second) == [State.CANCELLED, State.SUCCEEDED]
    assert bench.vectors(second) == [[2.0, 98.0]]


def test_when_all_are_cancelled_the_socket_is_shut() -> None:
    first, second = job("a"), job("b")
    bench = Bench()

    def embed(_: Any, __: Any, switch: AbortSwitch) -> dict[str, Any]:
        bench.holdings.abort(bench.holdings.jobs(), AbortReason.CANCELLED)
        switch.check()
        raise AssertionError("the call goes on")

    bench.ollama._embed = embed

    assert bench.answer(first, second)
    while None in bench.states(first, second):
        pass
    assert bench.states(first, second) == [State.CANCELLED] * 2


def test_a_cancel_that_comes_after_the_answer_changes_nothing() -> None:
    bench = Bench()
    holdings = [bench.holdings.hold(claimed_of(job(text))) for text in "ab"]
    ended: list[Holding] = []
    call = JoinedCall(holdings, lambda holding, _: ended.append(holding))

    assert call.take(holdings[0])
    assert not call.take(holdings[0])
    bench.holdings.abort(holdings[:1], AbortReason.CANCELLED)
    assert (ended, call.switch.reason) == ([], None)


def test_a_cancel_of_one_while_the_model_loads_leaves_the_others() -> None:
    first, second = job("a"), job("bb")
    bench = Bench()
    bench.models.loaded = False

    def on_load(switch: AbortSwitch) -> None:
        holding = bench.holdings.find(first.id)
        assert holding is not None
        bench.holdings.abort([holding], AbortReason.CANCELLED)
        switch.check()

    bench.ollama.on_load = on_load
    bench.answer(first, second)

    assert bench.states(second) == [State.SUCCEEDED]
    assert bench.vectors(second) == [[2.0, 98.0]]


def test_a_drain_hands_back_what_is_left_of_a_joined_call() -> None:
    jobs = [job("a"), job("b")]
    bench = Bench()

    def embed(_: Any, __: Any, switch: AbortSwitch) -> dict[str, Any]:
        bench.holdings.abort(bench.holdings.jobs(), AbortReason.DRAIN)
        switch.check()
        raise AssertionError("the call goes on")

    bench.ollama._embed = embed
    bench.answer(*jobs)
    while len(bench.transition.handbacks) < 2:
        pass

    assert {back.costs for back in bench.transition.handbacks} == {0}


def test_the_nearest_deadline_bounds_the_call_and_ends_no_other_job() -> None:
    hasty, patient = job("a", deadline_ms=50), job("bb")
    bench = Bench()

    def embed(
        body: dict[str, Any], limits: Deadlines, switch: AbortSwitch
    ) -> dict[str, Any]:
        if "a" in body["input"]:
            assert limits.attempt_seconds <= 0.05
            threading.Event().wait(max(0.0, limits.attempt_seconds))
            raise AttemptTimeoutError
        return answer_all(body, limits, switch)

    bench.ollama._embed = embed
    bench.answer(hasty, patient)

    assert bench.states(hasty, patient) == [State.EXPIRED, State.SUCCEEDED]
    assert "failed" not in bench.breaker.told
