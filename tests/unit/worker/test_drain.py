"""JOBS.md 24: stopping without losing anything."""

import threading
import time

import pytest

from tests.factories import claimed_job
from worker import drain as drain_module
from worker.drain import Drain
from worker.holdings import AbortReason, Holdings


def test_a_drain_begins_once_and_cuts_off_what_is_left_when_its_time_is_over() -> None:
    draining, holdings = threading.Event(), Holdings()
    holding, cut = holdings.hold(claimed_job()), threading.Event()
    holding.switch.on_abort(lambda _: cut.set())
    drain = Drain(draining, holdings, timeout_ms=20)

    drain.begin()
    drain.begin()

    assert draining.is_set()
    assert cut.wait(10)
    assert holding.switch.reason == AbortReason.DRAIN


def test_the_process_waits_for_work_outside_of_celery_too() -> None:
    holdings = Holdings()
    holding = holdings.hold(claimed_job())
    drain = Drain(threading.Event(), holdings, timeout_ms=60_000)
    thread = threading.Thread(target=drain.wait)
    thread.start()
    assert thread.is_alive()
    holdings.release(holding)
    thread.join(10)

    assert not thread.is_alive()


def test_the_process_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "_HAND_BACK_SECONDS", 0.0)
    holdings = Holdings()
    holdings.hold(claimed_job())
    began = time.monotonic()
    Drain(threading.Event(), holdings, timeout_ms=1).wait()

    assert time.monotonic() - began < 5
