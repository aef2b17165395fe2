"""When: the beat schedule, and the scheduler that proves that it ticks."""

import time
from typing import Any

from celery.beat import Scheduler

from backend.core import metrics
from backend.core.names import MAINTENANCE_QUEUE, TaskName
from backend.core.settings import Settings


def intervals(settings: Settings) -> dict[TaskName, float]:
    """Give each task's interval in seconds."""
    return {
        TaskName.RECOVERY: settings.recovery_interval / 1000,
        TaskName.PRELOAD: settings.preload_interval / 1000,
        TaskName.CLEANUP: settings.cleanup_interval / 1000,
        TaskName.USAGE: settings.usage_interval / 1000,
        TaskName.RETENTION: settings.retention_interval / 1000,
        TaskName.LIMITS: settings.limits_interval / 1000,
    }


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Write the schedule as Celery wants it.

    A message that nobody took within its interval expires: the next one says the same.
    """
    return {
        name.value: {
            "task": name.value,
            "schedule": seconds,
            "options": {"queue": MAINTENANCE_QUEUE, "expires": max(1.0, seconds)},
        }
        for name, seconds in intervals(settings).items()
    }


class TickingScheduler(Scheduler):
    """Keeps its state in memory: what is due is decided by the rows in the database."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Celery's own
        self.last_tick = time.monotonic()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> Any:  # Celery's own
        """Send what is due, and prove it; gives the seconds to wait, none below 0."""
        waits = super().tick(*args, **kwargs)
        self.last_tick = time.monotonic()
        metrics.record_tick(time.time())
        # Celery takes 10 ms off what remains, so that a task is never late.
        return max(0.0, waits)
