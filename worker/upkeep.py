"""What each scheduled task does, under its row's lock."""

from collections.abc import Callable, Mapping
from dataclasses import asdict

from backend.core.jobs.recovery import Recovery
from backend.core.jobs.repository.retention import JobRetention
from backend.core.limits.reconciliation import Reconciliation
from backend.core.maintenance import Maintenance, Outcome, Report
from backend.core.names import TaskName
from backend.core.settings import Settings
from backend.core.usage.rollup import Rollup
from worker.placement.act import Placement


class Upkeep:
    """Runs scheduled tasks by name."""

    def __init__(
        self,
        *,
        settings: Settings,
        maintenance: Maintenance,
        recovery: Recovery,
        placement: Placement,
        rollup: Rollup,
        retention: JobRetention,
        reconciliation: Reconciliation,
        intervals: Mapping[TaskName, float],
    ) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._maintenance = maintenance
        self._recovery = recovery
        self._rollup = rollup
        self._retention = retention
        self._reconciliation = reconciliation
        self._intervals = intervals
        self._works: dict[TaskName, Callable[[], Report]] = {
            TaskName.RECOVERY: self._recover,
            TaskName.PRELOAD: placement.preload,
            TaskName.CLEANUP: placement.cleanup,
            TaskName.USAGE: self._roll_up,
            TaskName.RETENTION: self._retain,
            TaskName.LIMITS: self._reconcile,
        }

    def run(self, name: TaskName, *, by_hand: bool = False) -> Outcome | None:
        """Run a task if it is due; None if another runner had its turn."""
        return self._maintenance.run(
            name.value.removeprefix("maintenance."),
            self._works[name],
            interval_seconds=self._intervals[name],
            by_hand=by_hand,
        )

    def _recover(self) -> Report:
        return Report(asdict(self._recovery.tick()))

    def _roll_up(self) -> Report:
        return Report({"hours": self._rollup.run()})

    def _reconcile(self) -> Report:
        return Report(asdict(self._reconciliation.run()))

    def _retain(self) -> Report:
        settings, retention = self._settings, self._retention
        return Report(
            {
                "payloads": retention.drop_payloads(
                    older_than_ms=settings.payload_retention
                ),
                "idempotency_keys": retention.free_idempotency_keys(
                    older_than_ms=settings.idempotency_lifetime
                ),
                "jobs": retention.delete_jobs(older_than_ms=settings.job_retention),
                "sessions": retention.delete_sessions(),
            }
        )
