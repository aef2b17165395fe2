"""Who may import whom, and what is installed, stands in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.redis_binary import UVS
from tests.architecture.repository import ROOT


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def uv() -> str:
    for candidate in UVS:
        try:
            if run(candidate, "--version").returncode == 0:
                return candidate
        except OSError:
            continue
    pytest.fail("there is no uv; `make setup` gets it")


def test_the_import_contracts_hold() -> None:
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")

    assert done.returncode == 0, done.stdout


def test_the_lock_file_is_that_of_pyproject() -> None:
    done = run(uv(), "lock", "--check", "--offline")

    assert done.returncode == 0, done.stdout
