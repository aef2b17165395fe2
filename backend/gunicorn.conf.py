# ruff: noqa: N999 — the name that gunicorn looks for by itself
"""How gunicorn runs the API; each option with its reason."""

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

from backend.core import garbage
from backend.core.settings import load_settings

_settings = load_settings()

bind = f"{_settings.api_host}:{_settings.api_port}"
# SQLite waits inside C, which would stop a gevent hub: threads there, and one process,
# since its writers wait for each other anyway.
_threads = _settings.on_sqlite or _settings.api_worker_class == "gthread"
worker_class = "gthread" if _threads else "backend.gevent_worker.DrainingWorker"
threads = _settings.api_threads
workers = _settings.api_workers or (1 if _settings.on_sqlite else os.cpu_count() or 1)
# Open streams are connections: each costs about 25 KB, so let there be many.
worker_connections = 10_000
# Bursts wait here while the workers accept them one by one.
backlog = 2_048
# A gevent worker whose hub is stuck for this long is killed; streams do not count.
timeout = 60
# After SIGTERM native streams and waits end by themselves within a second; calls of the
# other protocols, which cannot go on elsewhere, get all but the last two seconds of it.
graceful_timeout = _settings.api_drain_timeout // 1000
# Longer than a proxy keeps idle connections, so that it never meets a closing one.
keepalive = 75
# Each process connects for itself; a shared connection would mix up replies.
preload_app = False
# It would be a socket in a home directory that read-only containers do not have.
control_socket_disable = True
# The heartbeat files must not touch a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 — a tmpfs
# The application writes its own line per request.
accesslog = None
errorlog = "-"
loglevel = _settings.log_level.lower()

# prometheus-client looks at this variable when it is imported; the image's entrypoint
# sets it to a folder in memory, elsewhere the processes get one of their own.
_metrics = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or tempfile.mkdtemp(
    prefix="corral-metrics-"
)
_own_metrics = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics


def post_worker_init(worker: Any) -> None:  # gunicorn has no types
    """Let streams end when the server is asked to: gunicorn itself only waits."""
    garbage.settle()
    services = worker.wsgi.extensions["corral"]
    previous = worker.handle_exit

    def drain(number: int, frame: Any) -> None:
        services.draining.set()
        previous(number, frame)

    signal.signal(signal.SIGTERM, drain)


def child_exit(server: Any, worker: Any) -> None:
    """Take a dead process's gauges out of the sums."""
    from prometheus_client import multiprocess  # noqa: PLC0415 — after the variable

    del server
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # its own


def on_exit(server: Any) -> None:
    """Remove the folder if it was ours."""
    del server
    if _own_metrics:
        shutil.rmtree(_metrics, ignore_errors=True)
