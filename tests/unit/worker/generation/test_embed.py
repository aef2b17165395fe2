"""JOBS.md 12: joined embeddings, each with its own end."""

import threading
from typing import Any

import orjson
import pytest

from backend.core.jobs.records import Claimed, Due
from backend.core.jobs.states import Kind, State
from tests.factories import EMBED_MODEL, due_job, settings_for
from tests.fakes.generation import (
    FakeBreaker,
    FakeClaim,
    FakeFinish,
    FakeFlusher,
    FakeModels,
    FakeOllama,
    FakeOutsider,
    FakeReservations,
    FakeTransition,
    claimed_of,
)
from worker.generation.answer import Answerer
from worker.generation.embed import Embedder, JoinedCall
from worker.generation.gathering import Gatherer
from worker.generation.ledger import Ledger
from worker.generation.pace import Pace
from worker.generation.settle import Settler
from worker.holdings import AbortReason, Holding, Holdings
from worker.ollama.abort import AbortSwitch
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import (
    AttemptTimeoutError,
    ContextTooLongError,
    UpstreamUnavailableError,
)


def answer_all(
    body: dict[str, Any], _limits: Deadlines, _switch: AbortSwitch
) -> dict[str, Any]:
    """Give each text its own vector, and one token count for all."""
    vectors = [[float(len(text)), float(ord(text[0]))] for text in body["input"]]
    return {"embeddings": vectors, "prompt_eval_count": 10, "total_duration": 5_000_000}


def job(*texts: str, **over: Any) -> Due:
    request = {"input": list(texts) if len(texts) != 1 else texts[0]}
    return due_job(
        kind=Kind.EMBED, model=EMBED_MODEL, request=orjson.dumps(request), **over
    )


class Bench:
    """An embedder among fakes."""

    def __init__(self) -> None:
        settings = settings_for()
        self.claim, self.finish = FakeClaim(), FakeFinish()
        self.flusher, self.transition = FakeFlusher(), FakeTransition()
        self.models, self.breaker = FakeModels(), FakeBreaker()
        self.holdings, self.ollama = Holdings(), FakeOllama(answer_all)
        self.pace = Pace()
        self.reservations: Any = FakeReservations()
        parts: Any = (self.claim, self.finish, self.flusher, self.reservations)
        self.ledger: Any = Ledger(*parts)
        shared: Any = {
            "settings": settings,
            "flusher": self.flusher,
            "holdings": self.holdings,
            "models": self.models,
        }
        self.settler = Settler(
            ledger=self.ledger,
            transition=self.transition,  # type: ignore[arg-type]  # a fake
            outsider=FakeOutsider(),  # type: ignore[arg-type]  # a fake
            reservations=self.reservations,
            breaker=self.breaker,  # type: ignore[arg-type]  # a fake
            pace=self.pace,
            **shared,
        )
        client: Any = self.ollama
        self.gatherer = Gatherer(
            self.ledger, batch_size=10, wait_ms=0, draining=threading.Event()
        )
        self.embedder = Embedder(
            answerer=Answerer(client=client, settler=self.settler, **shared),
            settler=self.settler,
            client=client,
            gatherer=self.gatherer,
            holdings=self.holdings,
            models=self.models,  # type: ignore[arg-type]  # a fake
        )

    def answer(self, *jobs: Due) -> bool:
        return self.embedder.answer([claimed_of(one) for one in jobs])

    def states(self, *jobs: Due) -> list[State | None]:
        ends = self.finish.ends
        return [ends[one.id].state if one.id in ends else None for one in jobs]

    def vectors(self, one: Due) -> Any:
        return orjson.loads(self.finish.ends[one.id].result or "null")["embeddings"]


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
