from celery import Celery

from backend.core.names import MAINTENANCE_QUEUE, TaskName
from tests.factories import settings_for
from worker.schedule import TickingScheduler, beat_schedule


def test_rule_16_each_entry_expires_with_its_interval() -> None:
    schedule = beat_schedule(
        settings_for(recovery_interval=500, cleanup_interval=9_000)
    )

    assert set(schedule) == {
        name.value for name in TaskName if name is not TaskName.GENERATE
    }
    assert schedule["maintenance.recovery"] == {
        "task": "maintenance.recovery",
        "schedule": 0.5,
        "options": {"queue": MAINTENANCE_QUEUE, "expires": 1.0},
    }
    assert schedule["maintenance.cleanup"]["options"]["expires"] == 9.0


def test_the_scheduler_proves_that_it_ticks() -> None:
    app = Celery("t", broker="memory://")
    app.conf.beat_schedule = {}
    scheduler = TickingScheduler(app=app, lazy=True)
    before = scheduler.last_tick
    scheduler.setup_schedule()
    scheduler.tick()

    assert scheduler.last_tick > before
