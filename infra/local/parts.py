"""Say which processes a demo has, how each is run, and how it shows its health."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.local import http_probe
from infra.local.folder import DemoFolder


@dataclass(frozen=True)
class Part:
    """One supervised process; its URL answers with success once it is healthy."""

    name: str
    command: tuple[str, ...]
    health_url: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def is_healthy(self) -> bool:
        """Ask the process itself."""
        return http_probe.answers(self.health_url)


@dataclass(frozen=True)
class Ports:
    """The ports of one demo, all on the loopback address."""

    api: int
    ui: int
    redis: int
    worker_health: int
    beat_health: int
    ollama_sim: int


@dataclass(frozen=True)
class Upstream:
    """The Ollama that answers the jobs."""

    url: str
    simulated: bool


def parts(
    ports: Ports, folder: DemoFolder, *, redis: Path, upstream: Upstream
) -> list[Part]:
    """Return the processes in the order in which they are started."""
    sim = [_ollama_sim(ports)] if upstream.simulated else []
    return [
        *sim,
        _redis(redis, folder, ports),
        _api(ports, folder),
        _worker("worker", ports.worker_health),
        _worker("beat", ports.beat_health),
        _ui(ports),
    ]


def _redis(program: Path, folder: DemoFolder, ports: Ports) -> Part:
    return Part(
        name="redis",
        command=(str(program), str(folder.redis_config)),
        # Redis speaks no HTTP; the API is ready only when Redis answers it.
        health_url=_local(ports.api, "/health/ready"),
    )


def _ollama_sim(ports: Ports) -> Part:
    return Part(
        name="ollama-sim",
        command=_python(
            "infra/ollama-sim/main.py",
            "--host=127.0.0.1",
            f"--port={ports.ollama_sim}",
            # As fast as a small model on a laptop, so that one sees it stream.
            *("--tokens-per-second=40", "--first-token-seconds=0.3"),
            *("--load-seconds=1", "--num-parallel=4"),
        ),
        health_url=_local(ports.ollama_sim, "/api/version"),
    )


def _api(ports: Ports, folder: DemoFolder) -> Part:
    return Part(
        name="api",
        command=_python(
            "-m", "gunicorn", "-c", "backend/gunicorn.conf.py", "backend.wsgi:app"
        ),
        health_url=_local(ports.api, "/health/ready"),
        environment={"PROMETHEUS_MULTIPROC_DIR": str(folder.metrics)},
    )


def _worker(role: str, health_port: int) -> Part:
    return Part(
        name=role,
        command=_python("-m", "worker.main", role),
        health_url=_local(health_port, "/health"),
        environment={"WORKER_HEALTH_PORT": str(health_port)},
    )


def _ui(ports: Ports) -> Part:
    return Part(
        name="ui",
        command=_python(
            *("-m", "uvicorn", "frontend.app:app"),
            *("--host", "127.0.0.1", "--port", str(ports.ui)),
        ),
        health_url=_local(ports.ui, "/_stcore/health"),
    )


def _python(*words: str) -> tuple[str, ...]:
    return (sys.executable, *words)


def _local(port: int, path: str) -> str:
    return f"http://127.0.0.1:{port}{path}"
