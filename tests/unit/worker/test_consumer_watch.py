"""JOBS.md 25: "consumed nothing" counts only with a free slot and waiting tickets."""

import threading
from typing import Any

import pytest
import redis

from backend.core.queue import Slot
from tests.factories import MODEL
from tests.fakes.generation import FakeModels
from tests.unit.worker.generation.turn_bench import Bench
from worker.consumer_watch import ConsumerWatch, WaitingTickets
from worker.holdings import Holdings


class Consumer:
    """A watch by a clock of the test's."""

    def __init__(self) -> None:
        self.now, self.taken_at, self.waits = 100.0, 0.0, False
        self.watch = ConsumerWatch(
            tickets_wait=lambda: self.waits,
            last_taken=lambda: self.taken_at,
            clock=lambda: self.now,
        )

    def seen_at(self, now: float) -> float:
        self.now = now
        return self.watch.last_seen()


def test_a_consumer_is_deaf_only_while_tickets_wait() -> None:
    consumer = Consumer()
    assert consumer.seen_at(100) == 100
    consumer.waits = True
    assert consumer.seen_at(110) == 110
    assert consumer.seen_at(120) == 110
    consumer.waits = False

    assert consumer.seen_at(130) == 130


def test_rule_25_a_consumer_that_takes_tickets_is_not_deaf_though_others_wait() -> None:
    consumer = Consumer()
    consumer.waits = True
    for now in range(110, 200, 2):
        assert consumer.seen_at(now) >= now - 2
        consumer.taken_at = now

    assert consumer.seen_at(300) == 198


def test_a_turn_is_what_proves_that_a_ticket_was_taken() -> None:
    bench = Bench()
    bench.turns.taken_at = 0.0
    bench.take()

    assert bench.turns.taken_at > 0


class FakeQueues:
    """Tickets that wait, by model."""

    def __init__(self) -> None:
        self.tickets: dict[str, int] = {MODEL: 1}
        self.away = False

    def waiting_tickets(self, model: str) -> int:
        if self.away:
            raise redis.ConnectionError
        return self.tickets.get(model, 0)


class Process:
    """What a process looks at; it serves MODEL and another, with 4 slots each."""

    def __init__(self, concurrency: int = 9) -> None:
        self.queues, self.holdings = FakeQueues(), Holdings()
        self.draining = threading.Event()
        fakes: Any = {"wake": self.queues, "models": FakeModels()}
        self.tickets_wait = WaitingTickets(
            holdings=self.holdings,
            concurrency=concurrency,
            draining=self.draining,
            **fakes,
        )

    def hold(self, count: int, model: str = MODEL) -> None:
        for number in range(count):
            self.holdings.add_slot(Slot(model, "n", f"{model}:{number}"))


def test_a_ticket_that_nobody_takes_waits() -> None:
    assert Process().tickets_wait()


@pytest.mark.parametrize(
    ("model", "held", "waits"),
    [(MODEL, 3, True), (MODEL, 4, False), ("other:latest", 4, True)],
)
def test_a_ticket_counts_only_while_a_slot_of_its_model_is_free(
    model: str, held: int, *, waits: bool
) -> None:
    process = Process()
    process.hold(held, model)

    assert process.tickets_wait() is waits


def test_a_ticket_counts_only_while_a_thread_is_free() -> None:
    process = Process(concurrency=2)
    process.hold(2, "other:latest")

    assert not process.tickets_wait()


def test_a_process_that_drains_need_not_take_any() -> None:
    process = Process()
    process.draining.set()

    assert not process.tickets_wait()


def test_without_redis_nobody_is_deaf() -> None:
    process = Process()
    process.queues.away = True

    assert not process.tickets_wait()
