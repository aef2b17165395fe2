"""Turns on a bench: nothing around them is real."""

import threading
from collections.abc import Sequence
from typing import Any

import redis

from backend.core.jobs.records import Claimed
from backend.core.queue import Slot, Taken
from tests.factories import MODEL, due_job, settings_for
from tests.fakes.generation import FakeBreaker, FakeClaim, FakeModels
from worker.generation.gathering import Gatherer
from worker.generation.ledger import Ledger
from worker.generation.turn import Turns
from worker.holdings import Holdings


class FakeWake:
    """The protocol's steps; `hints` is what the next lingers get."""

    def __init__(self) -> None:
        self.taken: list[int | Exception] = [1]
        self.hints: list[bytes | Exception | None] = []
        self.freed: list[Slot] = []
        self.lingered = 0
        self.others: bool | Exception = False
        self.free_fails = False

    def take_slot(self, slot: Slot, *, slots: int, lease_ms: int) -> Taken:
        answer = self.taken.pop(0) if self.taken else 1
        if isinstance(answer, Exception):
            raise answer
        return Taken(answer)

    def free_slot(self, slot: Slot) -> None:
        self.freed.append(slot)
        if self.free_fails:
            raise redis.ConnectionError

    def linger(self, slot: Slot, *, linger_ms: int, in_all_ms: int) -> bytes | None:
        assert in_all_ms >= linger_ms
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


class FakeEmbedder(FakeAnswerer):
    """Answers several jobs in one call."""

    def __init__(self, gatherer: Gatherer) -> None:
        super().__init__()
        self.calls: list[list[str]] = []
        self._gatherer = gatherer

    def answer(self, jobs: Sequence[Claimed]) -> bool:  # type: ignore[override]  # as the real ones differ
        self.calls.append([job.id for job in jobs])
        self._gatherer.called(jobs[0].model, jobs=len(jobs), seconds=0)
        return bool(self.then(jobs))


class Bench:
    def __init__(self, *jobs: Any, **settings: Any) -> None:
        self.claim, self.wake = FakeClaim(*jobs), FakeWake()
        self.breaker, self.holdings = FakeBreaker(), Holdings()
        self.draining = threading.Event()
        ledger = Ledger(self.claim, None, None, None)  # type: ignore[arg-type]  # a fake; no ends here
        gatherer = Gatherer(ledger, batch_size=3, wait_ms=0, draining=self.draining)
        self.answerer, self.embedder = FakeAnswerer(), FakeEmbedder(gatherer)
        self.sent: list[str] = []
        collaborators: Any = {
            "wake": self.wake,
            "ledger": ledger,
            "gatherer": gatherer,
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

    def take(self, model: str = MODEL) -> None:
        self.turns.take(model)


def jobs(count: int, **over: Any) -> list[Any]:
    return [due_job(id=f"j{n}", **over) for n in range(count)]
