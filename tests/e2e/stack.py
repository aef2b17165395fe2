"""The containers under test, started as an operator would."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
MODEL = "tiny-chat"
THREADS = 4
WORKERS = 3
SIMULATOR = "corral-ollama-sim:e2e"
# At temperature 0 the simulator's model goes on to `num_predict`: 24 tokens take 0.6 s.
REQUEST = {
    "messages": [{"role": "user", "content": "Why is the sky blue?"}],
    "options": {"num_predict": 24, "temperature": 0},
}


class StackError(Exception):
    """A command failed; the message holds what it said."""


@dataclass(kw_only=True)
class Stack:
    """One project of containers, with an environment file and ports of its own."""

    folder: Path
    api_port: int
    ui_port: int
    project: str = "corral-e2e"
    seconds_to_healthy: float = 0.0
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))

    @property
    def environ(self) -> dict[str, str]:
        """Give the environment of `make up` and of every `docker compose`."""
        return {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": "docker-compose.yml:tests/e2e/docker-compose.e2e.yml",
            "COMPOSE_ENV_FILES": str(self.env_file),
            "CORRAL_ENV_FILE": str(self.env_file),
            "CORRAL_API_PORT": str(self.api_port),
            "CORRAL_UI_PORT": str(self.ui_port),
            "OLLAMA_IMAGE": SIMULATOR,
            "OLLAMA_NUM_PARALLEL": str(THREADS * WORKERS),
            "NO_PROXY": "127.0.0.1",
        }

    @property
    def env_file(self) -> Path:
        """Name the file that `make up` puts the secrets in."""
        return self.folder / "env"

    def up(self) -> None:
        """Run `make up`, with the simulator's image in the place of Ollama's."""
        dockerfile = "infra/ollama-sim/Dockerfile"
        self.run("docker", "build", "--quiet", "-t", SIMULATOR, "-f", dockerfile, ".")
        self.env_file.write_text(
            f"WORKER_CONCURRENCY={THREADS}\nOLLAMA_NUM_PARALLEL={THREADS * WORKERS}\n"
            f"MODEL_PRELOAD_LIST={MODEL},tiny-embed\n"
        )
        started = time.monotonic()
        self.run("make", "up")
        self.seconds_to_healthy = time.monotonic() - started

    def down(self) -> None:
        """Remove the containers and their data."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        self.client.close()

    def compose(self, *words: str) -> str:
        """Run `docker compose` on this project; gives what it printed."""
        return self.run("docker", "compose", *words)

    def run(self, *words: str) -> str:
        """Run a command; gives what it printed.

        Raises:
            StackError: If it fails.
        """
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        if done.returncode:
            raise StackError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def containers(self, service: str) -> list[str]:
        """List the containers of a service that run."""
        return self.compose("ps", "--quiet", service).split()

    def moment(self, container: str, name: str) -> str:
        """Read when a container was last started or ended, as MySQL writes times."""
        words = ("docker", "inspect", "--format", f"{{{{.State.{name}}}}}", container)
        # 2026-01-31T12:00:00.123456789Z; the engine's clock is the database's.
        return self.run(*words).strip()[:26].replace("T", " ").rstrip("Z")

    def scale_workers(self, count: int) -> None:
        """Run so many workers."""
        self.compose(
            *("up", "--detach", "--wait", "--no-recreate", "--scale"),
            *(f"worker={count}", "worker"),
        )

    @property
    def key(self) -> str:
        """Read the first administrator's key where `make up` says it is."""
        lines = self.env_file.read_text().splitlines()
        [key] = [line for line in lines if line.startswith("CORRAL_ADMIN_KEY=")]
        return key.partition("=")[2]

    # Any: JSON.
    def submit(self, **headers: str) -> httpx.Response:
        """Send one chat."""
        return self.client.post(
            f"http://127.0.0.1:{self.api_port}/api/v1/jobs",
            json={"kind": "chat", "model": MODEL, "request": REQUEST},
            headers={"Authorization": f"Bearer {self.key}", **headers},
            timeout=30,
        )

    def job(self, job_id: str) -> dict[str, Any]:
        """Read a job as its owner sees it."""
        found: dict[str, Any] = self.client.get(
            f"http://127.0.0.1:{self.api_port}/api/v1/jobs/{job_id}",
            headers={"Authorization": f"Bearer {self.key}"},
        ).json()
        return found

    def sql(self, query: str) -> list[list[str]]:
        """Ask MySQL itself, in its own container, as the platform's user."""
        command = 'MYSQL_PWD=$MYSQL_PASSWORD exec mysql -u corral corral -Ne "$0"'
        text = self.compose("exec", "-T", "db", "sh", "-c", command, query)
        return [line.split("\t") for line in text.splitlines()]


def eventually(
    holds: Callable[[], bool], *, seconds: float, what: str, pause: float = 0.2
) -> None:
    """Look until it holds; a stack that does not answer for a while is looked at again.

    Raises:
        AssertionError: If it does not hold in time.
    """
    give_up_at = time.monotonic() + seconds
    last: Exception | None = None
    while time.monotonic() < give_up_at:
        try:
            if holds():
                return
        except (StackError, httpx.TransportError) as error:
            last = error
        time.sleep(pause)
    raise AssertionError(f"not in {seconds:.0f} s: {what}") from last
