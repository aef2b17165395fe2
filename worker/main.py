"""The worker's composition root: `python -m worker.main worker | beat`."""

import sys
import time
from functools import partial
from typing import Any

import structlog

from backend.core import garbage
from backend.core.logging import configure_logging
from backend.core.names import MAINTENANCE_QUEUE, node_lane
from backend.core.settings import Settings, SettingsError, load_settings
from worker import container, health, threads
from worker.app import make_worker, on_shutdown
from worker.bootstrap import database_problem, redis_problem, wait_for_stores
from worker.consumer_watch import ConsumerWatch, WaitingTickets
from worker.drain import Drain
from worker.reconciler import Reconciler
from worker.schedule import TickingScheduler, beat_schedule
from worker.tasks import generate, maintenance
from worker.telemetry.gpu import read_gpus
from worker.telemetry.snapshot import Telemetry
from worker.watchdog import Watchdog, Watched

log = structlog.get_logger()

_TASKS = (generate, maintenance)
# Threads that beat every two seconds may miss some while the machine is busy.
_PATIENCE_SECONDS = 30.0
# One statement may take as long as the driver waits for an answer (60 s).
_HEARTBEAT_PATIENCE_SECONDS = 75.0
_MAINTENANCE_THREADS = 2


def main() -> None:
    """Run the role that the command line names."""
    roles = {"worker": run_worker, "beat": run_beat}
    if len(sys.argv) != 2 or sys.argv[1] not in roles:
        sys.exit(f"usage: python -m worker.main {' | '.join(roles)}")
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(f"The settings do not make sense:\n{error}")
    configure_logging(settings)
    roles[sys.argv[1]](settings)


def run_worker(settings: Settings) -> None:
    """Answer jobs until told to stop."""
    services = container.generation(settings)
    base = services.base
    server = worker_health(services)
    wait_for_stores(base.database, base.redis)
    worker = make_worker(
        base.celery,
        services,
        queues=[node_lane(settings.node_id)],
        concurrency=settings.worker_concurrency,
    )
    telemetry = _telemetry(services)
    server.ready["ollama"] = lambda: _ollama_problem(telemetry)
    reconciler = _reconciler(services)
    drain = Drain(
        services.draining, services.holdings, timeout_ms=settings.worker_drain_timeout
    )
    on_shutdown(drain.begin)
    _start_threads(services, telemetry, reconciler)
    garbage.settle()
    log.info("worker_started", incarnation=base.incarnation, node=settings.node_id)
    worker.start()
    drain.begin()
    drain.wait()
    telemetry.stop()
    services.heartbeat.stop()
    log.info("worker_stopped", incarnation=base.incarnation)
    sys.exit(worker.exitcode or 0)


def worker_health(services: container.GenerationServices) -> "ReadyChecks":
    """Answer probes from the first moment; readiness comes later."""
    base = services.base
    checks = ReadyChecks(
        {
            "database": lambda: database_problem(base.database),
            "redis": lambda: redis_problem(base.redis),
            "ollama": lambda: "not asked yet",
        }
    )
    health.serve(
        health.Health(live={"process": lambda: None}, ready=checks),
        base.settings.worker_health_port,
    )
    return checks


class ReadyChecks(dict[str, health.Check]):
    """The checks of readiness, which grow while the process starts."""

    @property
    def ready(self) -> "ReadyChecks":
        """Give the checks themselves."""
        return self


def _telemetry(services: container.GenerationServices) -> Telemetry:
    base = services.base
    return Telemetry(
        settings=base.settings,
        incarnation=base.incarnation,
        client=services.ollama,
        cluster=base.cluster,
        catalogue=base.catalogue,
        wake=base.wake,
        models=services.models,
        holdings=services.holdings,
        pace=services.pace,
        breaker=services.breaker,
        read_gpus=read_gpus,
        serve=base.celery.queues.serve,
    )


def _reconciler(services: container.GenerationServices) -> Reconciler:
    return Reconciler(
        settings=services.base.settings,
        client=services.ollama,
        ledger=services.ledger,
        answerer=services.answerer,
        settler=services.settler,
        holdings=services.holdings,
        models=services.models,
        transition=services.base.transition,
        draining=services.draining,
    )


def _start_threads(
    services: container.GenerationServices,
    telemetry: Telemetry,
    reconciler: Reconciler,
) -> None:
    watchdog = Watchdog(_watched(services, telemetry, reconciler))
    works: dict[str, Any] = {
        "heartbeat": services.heartbeat.run,
        "cancels": services.cancels.run,
        "flusher": services.flusher.run,
        "telemetry": telemetry.run,
        "reconciler": reconciler.run,
        "watchdog": watchdog.run,
    }
    for name, work in works.items():
        threads.start(name, work)


def _watched(
    services: container.GenerationServices,
    telemetry: Telemetry,
    reconciler: Reconciler,
) -> dict[str, Watched]:
    consumer = ConsumerWatch(
        tickets_wait=WaitingTickets(
            wake=services.base.wake,
            models=services.models,
            holdings=services.holdings,
            concurrency=services.base.settings.worker_concurrency,
            draining=services.draining,
        ),
        last_taken=lambda: services.turns.taken_at,
    )
    heartbeat, flusher = services.heartbeat, services.flusher
    patience, database = _PATIENCE_SECONDS, _HEARTBEAT_PATIENCE_SECONDS
    return {
        "heartbeat": Watched(lambda: heartbeat.last_seen, database),
        "flusher": Watched(lambda: flusher.last_seen, patience),
        "telemetry": Watched(lambda: telemetry.last_seen, 2 * database),
        "reconciler": Watched(reconciler.last_seen, 2 * database),
        "consumer": Watched(consumer.last_seen, patience),
    }


def _ollama_problem(telemetry: Telemetry) -> str | None:
    return None if telemetry.ollama_ok else "Ollama does not answer"


def run_beat(settings: Settings) -> None:
    """Schedule maintenance and run it, apart from generation."""
    services = container.maintenance(settings)
    base = services.base
    ready: dict[str, health.Check] = {
        "database": lambda: database_problem(base.database),
        "redis": lambda: redis_problem(base.redis),
        "scheduler": lambda: "not started yet",
    }
    live = {"scheduler": lambda: None}
    health.serve(health.Health(live=live, ready=ready), settings.worker_health_port)
    wait_for_stores(base.database, base.redis)
    worker = make_worker(
        base.celery,
        services,
        queues=[MAINTENANCE_QUEUE],
        concurrency=_MAINTENANCE_THREADS,
    )
    base.celery.conf.beat_schedule = beat_schedule(settings)
    scheduler = TickingScheduler(app=base.celery)
    ready["scheduler"] = partial(_scheduler_problem, scheduler)
    watchdog = Watchdog(
        {"scheduler": Watched(lambda: scheduler.last_tick, _PATIENCE_SECONDS)}
    )
    threads.start("scheduler", partial(_tick, scheduler))
    threads.start("watchdog", watchdog.run)
    log.info("beat_started", incarnation=base.incarnation)
    worker.start()
    sys.exit(worker.exitcode or 0)


def _scheduler_problem(scheduler: TickingScheduler) -> str | None:
    silent = time.monotonic() - scheduler.last_tick
    return None if silent < _PATIENCE_SECONDS / 2 else f"silent for {silent:.0f} s"


def _tick(scheduler: TickingScheduler) -> None:
    scheduler.setup_schedule()
    while True:
        # Never longer than a second, so that the proof of life is fresh; a tick sends
        # one task, and gives 0 or a little less while more are due.
        time.sleep(max(0.0, min(1.0, scheduler.tick())))


if __name__ == "__main__":
    main()
