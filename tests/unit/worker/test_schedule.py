"""Beat's scheduler waits until the next task is due, and no shorter than not at all."""

from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery

from worker.schedule import TickingScheduler

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def scheduler_with_a_task_due_in(
    milliseconds: float, monkeypatch: pytest.MonkeyPatch
) -> TickingScheduler:
    app = Celery(set_as_current=False)
    app.conf.beat_schedule = {"recover": {"task": "recover", "schedule": 1.0}}
    monkeypatch.setattr(app, "now", lambda: NOW)
    scheduler = TickingScheduler(app=app)
    scheduler.setup_schedule()
    [entry] = [e for e in scheduler.schedule.values() if e.task == "recover"]
    entry.last_run_at = NOW - timedelta(seconds=1, milliseconds=-milliseconds)
    return scheduler


@pytest.mark.parametrize("milliseconds", [1, 5, 9])
def test_a_task_that_is_due_in_less_than_celerys_margin_is_not_waited_for(
    milliseconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = scheduler_with_a_task_due_in(milliseconds, monkeypatch)

    assert scheduler.tick() == 0.0


def test_the_wait_ends_just_before_the_next_task_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduler = scheduler_with_a_task_due_in(500, monkeypatch)

    assert scheduler.tick() == pytest.approx(0.49, abs=0.005)
