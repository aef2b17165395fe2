"""Lay out the folder in which a demo keeps everything it makes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class DemoFolder:
    """Name the files of one demo; only their owner may read them."""

    path: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "DemoFolder":
        """Take the folder that DEMO_DIR names, else .demo of this repository."""
        return cls(Path(environ.get("DEMO_DIR") or ROOT / ".demo").absolute())

    def make(self) -> None:
        """Make the folders, closed to everybody else."""
        for path in (self.path, self.log, self.metrics, self.redis_data):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    @property
    def env(self) -> Path:
        """Hold what a client needs: addresses, the key, and how to sign in."""
        return self.path / "env"

    @property
    def settings(self) -> Path:
        """Hold the environment of the processes, for `corral` on the command line."""
        return self.path / "settings"

    @property
    def log(self) -> Path:
        """Hold a log per process."""
        return self.path / "log"

    @property
    def metrics(self) -> Path:
        """Hold the API's counters while it runs."""
        return self.path / "metrics"

    @property
    def redis_data(self) -> Path:
        """Hold what Redis keeps."""
        return self.path / "redis"

    @property
    def database(self) -> Path:
        """Hold the SQLite database."""
        return self.path / "corral.db"

    @property
    def supervisor_config(self) -> Path:
        """Hold the configuration that is made for supervisord."""
        return self.path / "supervisord.conf"

    @property
    def redis_config(self) -> Path:
        """Hold Redis' configuration, with its password."""
        return self.path / "redis.conf"

    @property
    def pid(self) -> Path:
        """Hold supervisord's process id while it runs."""
        return self.path / "supervisord.pid"

    @property
    def lock(self) -> Path:
        """Be locked while somebody starts a demo here."""
        return self.path / "lock"

    @property
    def ending(self) -> str:
        """Return the command that ends this demo."""
        own = self.path != DemoFolder.of({}).path
        return (f"DEMO_DIR={self.shown(self.path)} " if own else "") + "make demo-down"

    def shown(self, path: Path) -> str:
        """Return a path as short as it can be pasted into a shell here."""
        here = Path.cwd()
        return os.path.relpath(path) if path.is_relative_to(here) else str(path)

    def write_private(self, path: Path, text: str) -> None:
        """Write a file that only its owner may read, from its first byte on."""
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(text)
