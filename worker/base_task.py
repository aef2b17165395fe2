"""What every Celery task of ours has: the process's services."""

from typing import Any

from celery import Task


class BaseTask(Task):
    """A task over the services that the composition root put on the application."""

    abstract = True

    @property
    def services(self) -> Any:  # GenerationServices or MaintenanceServices, by role
        """Give the services of this process."""
        return self.app.services
