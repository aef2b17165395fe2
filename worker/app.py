"""The Celery worker of this process, and how it is told what to consume.

The threads pool: inference is waiting, so threads fit, with one connection pool and one
flusher for all. Queues come and go with the models of the node, added
and cancelled on the consumer's own thread.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from celery import Celery, bootsteps, signals
from celery.apps.worker import Worker

from backend.core.names import GENERATION_LANES, generation_lane

log = structlog.get_logger()


class ConsumerPulse(bootsteps.StartStopStep):
    """Keeps hold of the consumer, so that queues can be added while it runs."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:  # Celery's consumer
        """Hand the consumer over, at the start and after each reconnect."""
        parent.app.queues.connected(parent)

    def stop(self, parent: Any) -> None:  # Celery's consumer
        """Take it back."""
        parent.app.queues.disconnected()


class Queues:
    """Which queues this worker consumes; safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._consumer: Any = None
        self._wanted: set[str] = set()
        self._consumed: set[str] = set()

    def connected(self, consumer: Any) -> None:  # Celery's consumer
        """Take note of a fresh consumer: it consumes what the last one did not."""
        with self._lock:
            self._consumer = consumer
            self._consumed = set(consumer.app.amqp.queues.consume_from)
            self._apply()

    def disconnected(self) -> None:
        """Take note that there is no consumer now."""
        with self._lock:
            self._consumer = None

    def serve(self, models: Sequence[str]) -> None:
        """Consume the queues of these models and no others."""
        with self._lock:
            self._wanted = {generation_lane(model) for model in models}
            self._apply()

    def _apply(self) -> None:
        consumer = self._consumer
        if consumer is None:
            return
        # Kombu's channels belong to the consumer's thread.
        for lane in sorted(self._wanted - self._consumed):
            consumer.call_soon(consumer.add_task_queue, lane)
        for lane in sorted(self._consumed - self._wanted):
            if lane.startswith(GENERATION_LANES):
                consumer.call_soon(consumer.cancel_task_queue, lane)
        kept = {
            lane for lane in self._consumed if not lane.startswith(GENERATION_LANES)
        }
        self._consumed = kept | self._wanted


def make_worker(
    app: Celery, services: object, *, queues: Sequence[str], concurrency: int
) -> Worker:
    """Make the worker of this process.

    Args:
        app: The Celery application.
        services: What tasks find as `self.services`.
        queues: Consumed from the start.
        concurrency: How many threads.
    """
    app.services = services
    app.queues = Queues()
    app.steps["consumer"].add(ConsumerPulse)
    # Celery's own set-up of logging would replace ours.
    signals.setup_logging.connect(_keep_logging, weak=False)
    return app.Worker(
        pool="threads",
        concurrency=concurrency,
        queues=list(queues),
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        task_events=False,
        quiet=True,
    )


def _keep_logging(**_: object) -> None:
    return


def on_shutdown(act: Callable[[], None]) -> None:
    """Call something when the worker is told to stop, before it waits for its tasks."""

    def told(**_: object) -> None:
        act()

    signals.worker_shutting_down.connect(told, weak=False)
