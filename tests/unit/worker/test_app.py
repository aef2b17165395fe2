from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, signals

from worker.app import ConsumerPulse, Queues, make_worker, on_shutdown


class FakeConsumer:
    """Celery's consumer as the queues use it: calls are run on its own thread."""

    def __init__(self, *consumed: str) -> None:
        self.queues = set(consumed)
        self.calls: list[tuple[str, str]] = []
        known = SimpleNamespace(consume_from=self.queues)
        self.app = SimpleNamespace(amqp=SimpleNamespace(queues=known))

    def call_soon(self, call: Any, lane: str) -> None:
        call(lane)

    def add_task_queue(self, lane: str) -> None:
        self.calls.append(("add", lane))
        self.queues.add(lane)

    def cancel_task_queue(self, lane: str) -> None:
        self.calls.append(("cancel", lane))
        self.queues.discard(lane)


def test_queues_come_and_go_with_the_models() -> None:
    queues, consumer = Queues(), FakeConsumer("node:n")
    queues.serve(["b", "a"])
    queues.connected(consumer)
    queues.serve(["b", "c"])
    queues.serve(["b", "c"])

    assert consumer.calls == [
        ("add", "gen:a"),
        ("add", "gen:b"),
        ("add", "gen:c"),
        ("cancel", "gen:a"),
    ]
    assert consumer.queues == {"node:n", "gen:b", "gen:c"}


def test_a_fresh_consumer_consumes_what_the_last_one_did() -> None:
    queues, first, second = Queues(), FakeConsumer(), FakeConsumer()
    queues.connected(first)
    queues.serve(["a"])
    queues.disconnected()
    queues.serve(["a", "b"])
    assert first.queues == {"gen:a"}
    queues.connected(second)

    assert second.queues == {"gen:a", "gen:b"}


class Recorder:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def connected(self, consumer: Any) -> None:
        self.told.append(consumer)

    def disconnected(self) -> None:
        self.told.append(None)


def test_the_consumer_is_handed_over_and_taken_back() -> None:
    app = Celery("t")
    app.queues = Recorder()
    parent = type("Parent", (), {"app": app, "steps": []})()
    pulse = ConsumerPulse.__new__(ConsumerPulse)
    pulse.start(parent)
    pulse.stop(parent)

    assert app.queues.told == [parent, None]


@pytest.fixture
def quiet_signals() -> Any:
    before = [
        list(s.receivers) for s in (signals.setup_logging, signals.worker_shutting_down)
    ]
    yield
    signals.setup_logging.receivers, signals.worker_shutting_down.receivers = before


# A container runs as nobody; a developer's machine may run the tests as root.
@pytest.mark.filterwarnings("ignore:You're running the worker with superuser")
def test_a_worker_has_the_threads_pool_and_our_queues(quiet_signals: None) -> None:
    app = Celery("t", broker="memory://")
    services = object()
    worker = make_worker(app, services, queues=["node:n"], concurrency=3)

    assert app.services is services
    assert worker.concurrency == 3
    assert worker.pool_cls.__module__ == "celery.concurrency.thread"
    assert list(app.amqp.queues.consume_from) == ["node:n"]
    signals.setup_logging.send(sender=None)


def test_a_shutdown_is_told_before_the_worker_waits(quiet_signals: None) -> None:
    told: list[int] = []
    on_shutdown(lambda: told.append(1))
    signals.worker_shutting_down.send(sender=None, sig="TERM")

    assert told == [1]
