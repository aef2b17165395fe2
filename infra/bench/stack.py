"""Starts what is measured: servers, the simulator, Corral, and a peer beside it."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from tests.ollama_server import OllamaServer
from tests.server_process import ServerProcess
from tests.servers import MariaDbServer, RedisServer

ROOT = Path(__file__).parents[2]
_START_SECONDS = 90.0


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Processes:
    """Some of our processes, their output in files, and the CPU that they used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._popen: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: list[str], env: Mapping[str, str]) -> None:
        """Start one with an environment of its own."""
        with (self._folder / f"{name}.log").open("wb") as log:
            self._popen[name] = subprocess.Popen(  # noqa: S603 — our own programs
                command,
                cwd=ROOT,
                env={**_clean_environment(), **env},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def pid(self, name: str) -> int:
        """Give a process's id."""
        return self._popen[name].pid

    def pids(self) -> list[int]:
        """Give the ids of all."""
        return [process.pid for process in self._popen.values()]

    def wait_until(self, name: str, url: str) -> None:
        """Wait until an address answers 200, or say why it does not."""
        ends_at = time.monotonic() + _START_SECONDS
        while time.monotonic() < ends_at:
            if self._popen[name].poll() is not None:
                break
            try:
                if httpx.get(url, trust_env=False, timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        log = (self._folder / f"{name}.log").read_text(errors="replace")[-2000:]
        raise SystemExit(f"{name} does not answer at {url}; its log ends with:\n{log}")

    def stop(self) -> None:
        """End all, gently first."""
        for process in self._popen.values():
            process.terminate()
        for process in self._popen.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def cpu_seconds(pids: list[int]) -> float:
    """Give the CPU time that processes and their children have used."""
    total = 0.0
    for pid in pids:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            times = process.cpu_times()
            total += times.user + times.system
    return total


def resident_mb(pid: int) -> float:
    """Give the resident memory of the largest of a process and its children."""
    root = psutil.Process(pid)
    family = [root, *root.children(recursive=True)]
    return max(float(process.memory_info().rss) for process in family) / 1e6


class Upstream:
    """The simulator: no delay, unless a rate is set."""

    def __init__(self, *models: str) -> None:
        self._server = OllamaServer.start(models=models, num_parallel=512)
        self.url = self._server.url
        self.port = int(self.url.rsplit(":", 1)[1])

    def pace(self, tokens_per_second: float) -> None:
        """Set the speed of all answers; 0 is no delay."""
        self._server.configure(tokens_per_second=tokens_per_second)

    def embeds_in(self, *, call_ms: float, text_ms: float) -> None:
        """Set the time of an embedding call, and of each text in it."""
        self._server.configure(
            embed_call_seconds=call_ms / 1000, embed_text_seconds=text_ms / 1000
        )

    def stop(self) -> None:
        """End it."""
        self._server.stop()


class Corral:
    """The whole platform as local processes, with databases that keep promises."""

    def __init__(
        self,
        folder: Path,
        upstream: Upstream,
        *,
        slots: int,
        api_workers: int = 2,
        model: str = "tiny-chat",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.key = f"corral-{secrets.token_urlsafe(32)}"
        self.port = free_port()
        self._stores = _stores(folder)
        self._processes = Processes(folder)
        database, redis = self._stores
        assert isinstance(database, MariaDbServer)  # noqa: S101 — for the type checker
        assert isinstance(redis, RedisServer)  # noqa: S101 — for the type checker
        database.create_database("corral")
        self.env = {
            # As clients on a MariaDB's own machine do; a twentieth less than by TCP.
            "DATABASE_URL": database.url("corral", by_socket=True),
            "REDIS_URL": redis.url(),
            "CORRAL_ADMIN_KEY": self.key,
            "OLLAMA_BASE_URL": upstream.url,
            "OLLAMA_NUM_PARALLEL": str(slots),
            "WORKER_CONCURRENCY": str(slots),
            "MODEL_PRELOAD_LIST": model,
            "API_HOST": "127.0.0.1",
            "API_PORT": str(self.port),
            "API_WORKERS": str(api_workers),
            "LOG_LEVEL": "WARNING",
            # As in the image.
            "MALLOC_ARENA_MAX": "2",
            "MALLOC_MMAP_THRESHOLD_": "65536",
            "MALLOC_TRIM_THRESHOLD_": "131072",
            **(settings or {}),
        }
        self._start()

    def _start(self) -> None:
        binaries = ROOT / ".venv" / "bin"
        subprocess.run(  # noqa: S603 — our own program
            [binaries / "corral", "migrate"],
            env={**_clean_environment(), **self.env},
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        gunicorn = [str(binaries / "gunicorn"), "-c", "backend/gunicorn.conf.py"]
        self._processes.start("api", [*gunicorn, "backend.wsgi:app"], self.env)
        for role in ("worker", "beat"):
            port = str(free_port())
            command = [sys.executable, "-m", "worker.main", role]
            env = {**self.env, "WORKER_HEALTH_PORT": port}
            self._processes.start(role, command, env)
            self._processes.wait_until(role, f"http://127.0.0.1:{port}/health/ready")
        ready = f"http://127.0.0.1:{self.port}/health/ready"
        self._processes.wait_until("api", ready)

    def cpu_seconds(self) -> float:
        """Give the CPU time of the platform, its database and its Redis."""
        return cpu_seconds([*self._processes.pids(), *(s.pid for s in self._stores)])

    def part_seconds(self) -> dict[str, float]:
        """Give the CPU time of each part."""
        parts = {n: cpu_seconds([self._processes.pid(n)]) for n in ("api", "worker")}
        names = ("mariadb", "redis")
        stores = zip(names, self._stores, strict=True)
        return parts | {name: cpu_seconds([store.pid]) for name, store in stores}

    def memory_mb(self) -> dict[str, float]:
        """Give the resident memory of the largest API process and of the worker."""
        return {n: resident_mb(self._processes.pid(n)) for n in ("api", "worker")}

    def stop(self) -> None:
        """End everything."""
        self._processes.stop()
        for store in self._stores:
            store.stop()


def _stores(folder: Path) -> tuple[ServerProcess, ServerProcess]:
    for name in ("mariadb", "redis"):
        (folder / name).mkdir(exist_ok=True)
    database = MariaDbServer(folder / "mariadb", durable=True)
    redis = RedisServer(folder / "redis")
    database.start()
    redis.start()
    return database, redis


def _clean_environment() -> dict[str, str]:
    own = ("WORKER_", "OLLAMA_", "MODEL_", "CIRCUIT_", "DATABASE_", "REDIS_", "CORRAL_")
    return {k: v for k, v in os.environ.items() if not k.startswith(own)}
