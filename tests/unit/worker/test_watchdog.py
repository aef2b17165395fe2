"""JOBS.md 25: a process whose threads stall ends, non-zero."""

import threading

from worker import threads
from worker.watchdog import EXIT_CODE, Watchdog, Watched, stalled


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_who_was_silent_for_too_long_is_named() -> None:
    watched = {
        "quick": Watched(lambda: 99.0, 5),
        "slow": Watched(lambda: 90.0, 5),
        "patient": Watched(lambda: 90.0, 50),
    }

    assert stalled(watched, 100.0) == ["slow"]


def test_rule_25_a_stall_ends_the_process_non_zero() -> None:
    clock, ends = Clock(), list[int]()
    watchdog = Watchdog(
        {"heartbeat": Watched(lambda: 98.0, 5)}, end=ends.append, clock=clock
    )
    watchdog.look()
    assert ends == []
    clock.now += 3
    watchdog.look()
    assert ends == []
    clock.now += 3
    watchdog.look()

    assert ends == [EXIT_CODE]
    assert EXIT_CODE != 0


def test_a_process_that_was_paused_gets_time_before_it_is_judged() -> None:
    clock, ends = Clock(), list[int]()
    watchdog = Watchdog({"x": Watched(lambda: 100.0, 5)}, end=ends.append, clock=clock)
    clock.now += 60
    watchdog.look()
    assert ends == []
    clock.now += 2
    watchdog.look()

    assert ends == [EXIT_CODE]


def test_the_watchdog_looks_again_and_again_until_stopped() -> None:
    looked = threading.Event()

    def last_seen() -> float:
        looked.set()
        return float("inf")

    watchdog = Watchdog({"x": Watched(last_seen, 1)}, interval_seconds=0.001)
    thread = threading.Thread(target=watchdog.run)
    thread.start()
    assert looked.wait(10)
    watchdog.stop()
    thread.join(10)

    assert not thread.is_alive()


def test_a_thread_that_dies_ends_the_process() -> None:
    ends: list[int] = []

    def die() -> None:
        raise KeyError

    threads.start("x", die, end=ends.append).join(10)
    threads.start("y", lambda: None, end=ends.append).join(10)

    assert ends == [EXIT_CODE]
