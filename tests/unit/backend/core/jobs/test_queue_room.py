"""How many jobs may wait."""

from typing import Any

import pytest

from backend.core.errors import DatabaseUnavailableError, QueueFullError
from backend.core.jobs.queue_room import QueueRoom


class FakeQueue:
    """A queue of jobs by key, that takes a while to count."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.seconds = 0.0
        self.waiting: dict[int, int] = {}
        self.counts = 0
        self.groupings = 0
        self.away = False

    def queued_count(self, limit: int) -> int:
        if self.away:
            raise DatabaseUnavailableError
        self.counts += 1
        self.now += self.seconds
        return min(limit, sum(self.waiting.values()))

    def queued_by_key(self, *, at_least: int) -> dict[int, int]:
        self.groupings += 1
        return {key: n for key, n in self.waiting.items() if n >= at_least}


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


def room(queue: FakeQueue, **bounds: int) -> QueueRoom:
    query: Any = queue
    return QueueRoom(query, clock=lambda: queue.now, **({"max_queued": 100} | bounds))


def refused(room: QueueRoom, key_id: int | None) -> QueueFullError:
    with pytest.raises(QueueFullError) as caught:
        room.check(key_id)
    return caught.value


def test_a_full_queue_refuses_everybody(queue: FakeQueue) -> None:
    queue.waiting = {1: 60, 2: 50}

    for key_id in (3, None):
        error = refused(room(queue), key_id)
        assert error.queue_length == 100
        assert "100 jobs are waiting" in error.detail
        assert error.retry_after == 30


def test_a_key_with_too_many_waits_while_others_pass(queue: FakeQueue) -> None:
    queue.waiting = {1: 20, 2: 19}
    bounded = room(queue, max_queued_per_key=20)

    error = refused(bounded, 1)

    assert error.queue_length == 39
    assert "20 of the 39 jobs" in error.detail
    bounded.check(2)
    bounded.check(None)


def test_nobody_groups_a_queue_in_which_no_key_can_have_too_many(
    queue: FakeQueue,
) -> None:
    queue.waiting = {1: 19}
    room(queue, max_queued_per_key=20).check(1)
    queue.waiting = {1: 90}
    room(queue).check(1)

    assert queue.groupings == 0


def test_a_count_holds_for_a_second(queue: FakeQueue) -> None:
    bounded = room(queue)
    for _ in range(50):
        bounded.check(1)
    assert queue.counts == 1
    queue.waiting = {1: 100}
    queue.now += 0.99
    bounded.check(1)
    queue.now += 0.01
    refused(bounded, 1)
    queue.waiting = {}
    queue.now += 1

    bounded.check(1)

    assert queue.counts == 3


def test_what_takes_long_is_counted_seldom(queue: FakeQueue) -> None:
    queue.seconds = 0.5
    bounded = room(queue)
    bounded.check(1)
    queue.now += 9.4
    bounded.check(1)
    assert queue.counts == 1
    queue.now += 0.1
    bounded.check(1)

    assert queue.counts == 2


def test_a_count_that_fails_is_told_and_tried_again_after_a_second(
    queue: FakeQueue,
) -> None:
    bounded, queue.away = room(queue), True
    with pytest.raises(DatabaseUnavailableError):
        bounded.check(1)
    bounded.check(1)
    queue.away = False
    queue.waiting = {1: 100}
    queue.now += 1

    refused(bounded, 1)
