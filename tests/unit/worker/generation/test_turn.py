"""JOBS.md 12 to 15: what a ticket is for."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import redis

from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.records import Claimed
from backend.core.jobs.states import Kind
from backend.core.queue import LOOK, Slot, Taken, hint
from tests.factories import MODEL, due_job, settings_for
from tests.fakes.generation import FakeBreaker, FakeClaim, FakeModels
from worker.generation import turn as turn_module
from worker.generation.ledger import Ledger
from worker.generation.turn import Turns
from worker.holdings import Holdings
from worker.resilience.breaker_store import Admission

PROBE = Admission(is_allowed=True, is_probe=True)


class FakeWake:
    """The protocol's steps; `hints` is what the next lingers get."""

    def __init__(self) -> None:
        self.taken = [1]
        self.hints: list[bytes | Exception | None] = []
        self.freed: list[Slot] = []
        self.lingered = 0
        self.others: bool | Exception = False
        self.free_fails = False

    def take_slot(self, slot: Slot, *, slots: int, lease_ms: int) -> Taken:
        return Taken(self.taken.pop(0) if self.taken else 1)

    def free_slot(self, slot: Slot) -> None:
        self.freed.append(slot)
        if self.free_fails:
            raise redis.ConnectionError

    def linger(self, slot: Slot, *, linger_ms: int) -> bytes | None:
        self.lingered += 1
        answer = self.hints.pop(0) if self.hints else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def other_tickets_wait(self, model: str, models: Sequence[str]) -> bool:
        if isinstance(self.others, Exception):
            raise self.others
        return self.others


class FakeAnswerer:
    """Answers; `then` is called with each job, and its answer is what comes back."""

    def __init__(self) -> None:
        self.answered: list[str] = []
        self.given_back: list[str] = []
        self.then: Any = lambda job: True

    def answer(self, job: Claimed) -> bool:
        self.answered.append(job.id)
        return bool(self.then(job))

    def give_back_unbegun(self, job: Claimed) -> None:
        self.given_back.append(job.id)


class Bench:
    def __init__(self, *jobs: Any, **settings: Any) -> None:
        self.claim, self.wake = FakeClaim(*jobs), FakeWake()
        self.answerer, self.embedder = FakeAnswerer(), FakeAnswerer()
        self.breaker, self.holdings = FakeBreaker(), Holdings()
        self.draining = threading.Event()
        self.sent: list[str] = []
        collaborators: Any = {
            "wake": self.wake,
            "ledger": Ledger(self.claim, None, None),  # type: ignore[arg-type]  # a fake; no ends here
            "answerer": self.answerer,
            "settler": self.answerer,
            "embedder": self.embedder,
            "models": FakeModels(),
            "breaker": self.breaker,
        }
        self.turns = Turns(
            settings=settings_for(**settings),
            incarnation="me",
            send_ticket=self.sent.append,
            holdings=self.holdings,
            draining=self.draining,
            **collaborators,
        )

    def take(self) -> None:
        self.turns.take(MODEL)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_module, "_FAILURE_SECONDS", 0.0)
    monkeypatch.setattr(turn_module, "_SEND_ON_SECONDS", 0.0)
    monkeypatch.setattr(turn_module, "_OTHERS_SECONDS", 0.0)


def jobs(count: int, **over: Any) -> list[Any]:
    return [due_job(id=f"j{n}", **over) for n in range(count)]


def test_a_turn_answers_all_that_is_due_then_lingers_and_frees() -> None:
    bench = Bench(*jobs(3))
    bench.take()

    assert bench.answerer.answered == ["j0", "j1", "j2"]
    assert bench.wake.lingered == turn_module._LINGERS
    assert len(bench.wake.freed) == 1
    assert bench.holdings.slots() == []
    assert bench.sent == []


def test_a_slot_has_a_name_of_its_own() -> None:
    bench = Bench()
    bench.take()
    bench.take()

    assert [slot.holder for slot in bench.wake.freed] == ["me:1", "me:2"]


def test_rule_13_a_hint_is_answered_without_celery() -> None:
    job = due_job(id="hinted")
    bench = Bench()
    bench.wake.hints = [hint(job), LOOK]
    bench.claim.due = []

    def appear(slot: Slot, *, linger_ms: int) -> bytes | None:
        if bench.wake.hints:
            bench.claim.due = [job]
        return FakeWake.linger(bench.wake, slot, linger_ms=linger_ms)

    bench.wake.linger = appear  # type: ignore[method-assign]  # the job comes with it
    bench.take()

    assert bench.answerer.answered == ["hinted", "hinted"]
    assert bench.sent == []


def test_a_slot_lingers_once_while_another_model_needs_the_thread() -> None:
    bench = Bench(worker_concurrency=1)
    bench.wake.others = True
    bench.take()

    assert bench.wake.lingered == 1


def test_a_slot_does_not_linger_on_once_the_drain_has_begun() -> None:
    bench = Bench()
    linger = bench.wake.linger

    def drain(slot: Slot, *, linger_ms: int) -> bytes | None:
        bench.draining.set()
        return linger(slot, linger_ms=linger_ms)

    bench.wake.linger = drain  # type: ignore[method-assign]  # the drain begins here
    bench.take()

    assert bench.wake.lingered == 1


def test_without_a_linger_a_slot_leaves_at_once() -> None:
    bench = Bench(worker_linger=0)
    bench.take()

    assert bench.wake.lingered == 0


def test_redis_failing_while_it_lingers_ends_the_turn() -> None:
    bench = Bench()
    bench.wake.hints = [redis.ConnectionError()]
    bench.wake.free_fails = True
    bench.take()

    assert bench.sent == []


def test_rule_14_who_frees_a_slot_looks_once_more() -> None:
    bench = Bench()

    def late(slot: Slot) -> None:
        bench.wake.freed.append(slot)
        if len(bench.wake.freed) == 1:
            bench.claim.due = jobs(1)

    bench.wake.free_slot = late  # type: ignore[method-assign]  # a job comes with it
    bench.take()

    assert bench.answerer.answered == ["j0"]
    assert len(bench.wake.freed) == 2


def test_a_turn_that_is_over_sends_one_ticket() -> None:
    bench = Bench(*jobs(5), worker_turn_jobs=2)
    bench.take()

    assert bench.answerer.answered == ["j0", "j1"]
    assert bench.sent == [MODEL]


def test_a_turn_whose_time_is_over_sends_one_ticket() -> None:
    bench = Bench(*jobs(5), worker_turn_time=0)
    bench.take()

    assert bench.answerer.answered == ["j0"]
    assert bench.sent == [MODEL]


def test_a_turn_without_a_job_whose_time_is_over_sends_none() -> None:
    bench = Bench(worker_turn_time=0)
    bench.take()

    assert bench.sent == []


@pytest.mark.parametrize(
    ("concurrency", "others", "answered"),
    [
        (1, True, 1),
        (5, True, 3),
        (1, False, 3),
        (1, redis.ConnectionError(), 3),
    ],
)
def test_a_turn_ends_sooner_when_another_model_needs_the_thread(
    concurrency: int, others: Any, answered: int
) -> None:
    bench = Bench(*jobs(3), worker_concurrency=concurrency)
    bench.wake.others = others
    bench.take()

    assert len(bench.answerer.answered) == answered


def test_after_a_failure_of_the_node_only_a_new_turn_goes_on() -> None:
    bench = Bench(*jobs(3))
    bench.answerer.then = lambda _: False
    bench.take()

    assert bench.answerer.answered == ["j0"]
    assert bench.sent == [MODEL]


def test_a_turn_that_ends_by_an_exception_sends_one_ticket() -> None:
    bench = Bench(*jobs(1))
    bench.claim.outages = [True]

    with pytest.raises(DatabaseUnavailableError):
        bench.take()
    assert bench.sent == [MODEL]
    assert len(bench.wake.freed) == 1
    assert bench.turns._busy == 0


@pytest.mark.parametrize(("taken", "sent"), [(0, []), (2, [MODEL])])
def test_a_ticket_without_a_slot_is_passed_or_sent_on(
    taken: int, sent: list[str]
) -> None:
    bench = Bench(*jobs(1))
    bench.wake.taken = [taken]
    bench.take()

    assert bench.answerer.answered == []
    assert bench.sent == sent


def test_a_ticket_at_an_open_breaker_is_done() -> None:
    bench = Bench(*jobs(1))
    bench.breaker.admission = Admission(is_allowed=False)
    bench.take()

    assert bench.answerer.answered == []
    assert bench.sent == []


def test_a_probe_answers_one_job() -> None:
    bench = Bench(*jobs(2))
    bench.breaker.admission = PROBE
    bench.take()

    assert bench.answerer.answered == ["j0"]
    assert bench.sent == [MODEL]


@pytest.mark.parametrize("taken", [0, 1])
def test_a_probe_that_finds_no_slot_or_job_is_given_back(taken: int) -> None:
    bench = Bench()
    bench.wake.taken = [taken]
    bench.breaker.admission = PROBE
    bench.take()

    assert bench.breaker.told == ["nothing"]


def test_embeddings_go_another_way() -> None:
    bench = Bench(*jobs(1, kind=Kind.EMBED))
    bench.take()

    assert bench.embedder.answered == ["j0"]
    assert bench.answerer.answered == []


def test_rule_24_nothing_is_claimed_once_the_drain_has_begun() -> None:
    bench = Bench(*jobs(3))
    bench.answerer.then = lambda _: not bench.draining.set()
    bench.take()
    bench.take()

    assert bench.answerer.answered == ["j0"]
    assert bench.wake.lingered == 0


def test_rule_24_a_job_claimed_as_the_drain_began_is_given_back() -> None:
    bench = Bench(*jobs(1))
    take = bench.claim.take

    def claim(due: Any) -> Any:
        bench.draining.set()
        return take(due)

    bench.claim.take = claim  # type: ignore[method-assign]  # the drain begins here
    bench.take()

    assert bench.answerer.given_back == ["j0"]
