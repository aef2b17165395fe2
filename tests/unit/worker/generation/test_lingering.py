"""JOBS.md 13 and 14: a slot waits for a hint, and leaves without losing a job."""

import redis

from backend.core.queue import LOOK, Slot, hint
from tests.factories import due_job
from tests.unit.worker.generation.turn_bench import Bench, FakeWake, jobs


def test_rule_13_a_hint_is_answered_without_celery() -> None:
    job = due_job(id="hinted")
    bench = Bench()
    bench.wake.hints = [hint(job), LOOK]
    bench.claim.due = []

    def appear(slot: Slot, **how_long: int) -> bytes | None:
        if bench.wake.hints:
            bench.claim.due = [job]
        return FakeWake.linger(bench.wake, slot, **how_long)

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

    def drain(slot: Slot, **how_long: int) -> bytes | None:
        bench.draining.set()
        return linger(slot, **how_long)

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
