"""LiteLLM's proxy from PyPI, in a venv of its own, in its best set-up."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.bench.caller import call
from infra.bench.stack import Processes, Upstream, cpu_seconds, free_port
from infra.bench.targets import MODEL, litellm

KEY = "sk-bench-of-this-machine"
# The set-ups that are tried against each other: how it calls Ollama, and in how many
# processes.
_PROVIDERS = {
    "ollama_chat": "      model: ollama_chat/{model}\n      api_base: {url}\n",
    "openai": (
        "      model: openai/{model}\n      api_base: {url}/v1\n      api_key: none\n"
    ),
}
_WORKERS = (1, 2)


@dataclass(frozen=True, slots=True)
class SetUp:
    """One way to run it."""

    provider: str
    workers: int

    @property
    def name(self) -> str:
        """Name it as its figures are printed."""
        return f"{self.provider}, {self.workers} process(es)"


class LiteLlm:
    """A running proxy."""

    def __init__(self, folder: Path, upstream: Upstream, set_up: SetUp) -> None:
        self.port, self.key, self.set_up = free_port(), KEY, set_up
        self._processes = Processes(folder)
        config = folder / f"litellm-{set_up.provider}.yaml"
        config.write_text(_config(set_up.provider, upstream.url))
        command = [
            str(_environment(folder) / "bin" / "litellm"),
            f"--config={config}",
            "--host=127.0.0.1",
            f"--port={self.port}",
            f"--num_workers={set_up.workers}",
        ]
        env = {"LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False"}
        offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_DOCS": "True"}
        self._processes.start("litellm", command, env | offline)
        url = f"http://127.0.0.1:{self.port}/health/liveliness"
        self._processes.wait_until("litellm", url)

    def cpu_seconds(self) -> float:
        """Give the CPU time of all its processes."""
        return cpu_seconds(self._processes.pids())

    def stop(self) -> None:
        """End it."""
        self._processes.stop()


def best(folder: Path, upstream: Upstream) -> LiteLlm:
    """Try its set-ups and keep the one with the most requests per second."""
    speeds: dict[SetUp, float] = {}
    for provider in _PROVIDERS:
        for workers in _WORKERS:
            set_up = SetUp(provider, workers)
            speeds[set_up] = _try(folder, upstream, set_up)
            print(f"  litellm {set_up.name}: {speeds[set_up]:.0f} requests/s")
    winner = max(speeds, key=lambda one: speeds[one])
    print(f"  taken: {winner.name}")
    return LiteLlm(folder, upstream, winner)


def _try(folder: Path, upstream: Upstream, set_up: SetUp) -> float:
    proxy = LiteLlm(folder, upstream, set_up)
    try:
        target = litellm(proxy.port, KEY, tokens=1, stream=False)
        asyncio.run(call(target, callers=64, requests=128))
        timings = asyncio.run(call(target, callers=64, requests=512))
    finally:
        proxy.stop()
    if timings.wrong:
        raise SystemExit(f"litellm answers wrongly: {timings.sample[:500]!r}")
    return 512 / timings.wall


def _environment(folder: Path) -> Path:
    """Make its venv, once."""
    place = folder.parent / "litellm"
    if not (place / "bin" / "litellm").exists():
        print("  installing litellm[proxy] from PyPI into a venv of its own …")
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)  # noqa: S603 — our own command
        pip = [str(place / "bin" / "pip"), "install", "--quiet", "litellm[proxy]"]
        subprocess.run(pip, check=True)  # noqa: S603 — our own command
    return place


def _config(provider: str, url: str) -> str:
    params = _PROVIDERS[provider].format(model=MODEL, url=url)
    return (
        f"model_list:\n  - model_name: {MODEL}\n    litellm_params:\n{params}"
        "litellm_settings:\n  drop_params: true\n  request_timeout: 120\n"
        f"general_settings:\n  master_key: {KEY}\n"
    )
