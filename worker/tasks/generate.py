"""The ticket: "somebody look at this model's jobs"."""

from celery import shared_task

from backend.core.names import TaskName
from worker.base_task import BaseTask


@shared_task(bind=True, base=BaseTask, name=TaskName.GENERATE.value)
def generate(self: BaseTask, model: str) -> None:
    """Answer this model's queued jobs for one turn."""
    self.services.turns.take(model)
