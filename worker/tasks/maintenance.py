"""Scheduled maintenance; each is one service call (when: worker/schedule.py)."""

from celery import shared_task

from backend.core.names import TaskName
from worker.base_task import BaseTask


@shared_task(bind=True, base=BaseTask, name=TaskName.RECOVERY.value)
def recovery(self: BaseTask, *, by_hand: bool = False) -> None:
    """Take back lost jobs, expire those that waited too long, top up tickets."""
    self.services.upkeep.run(TaskName.RECOVERY, by_hand=by_hand)


@shared_task(bind=True, base=BaseTask, name=TaskName.PRELOAD.value)
def preload(self: BaseTask, *, by_hand: bool = False) -> None:
    """Bring the models of the preload list to every node, and keep them loaded."""
    self.services.upkeep.run(TaskName.PRELOAD, by_hand=by_hand)


@shared_task(bind=True, base=BaseTask, name=TaskName.CLEANUP.value)
def cleanup(self: BaseTask, *, by_hand: bool = False) -> None:
    """Unload the least recently used idle model of a node that is too full."""
    self.services.upkeep.run(TaskName.CLEANUP, by_hand=by_hand)


@shared_task(bind=True, base=BaseTask, name=TaskName.USAGE.value)
def usage(self: BaseTask, *, by_hand: bool = False) -> None:
    """Sum the hours that are over, so that usage outlives its jobs."""
    self.services.upkeep.run(TaskName.USAGE, by_hand=by_hand)


@shared_task(bind=True, base=BaseTask, name=TaskName.RETENTION.value)
def retention(self: BaseTask, *, by_hand: bool = False) -> None:
    """Drop payloads, jobs, idempotency keys and sessions that are too old."""
    self.services.upkeep.run(TaskName.RETENTION, by_hand=by_hand)


@shared_task(bind=True, base=BaseTask, name=TaskName.LIMITS.value)
def limits(self: BaseTask, *, by_hand: bool = False) -> None:
    """Settle or release the reservations of limits that a crash left behind."""
    self.services.upkeep.run(TaskName.LIMITS, by_hand=by_hand)
