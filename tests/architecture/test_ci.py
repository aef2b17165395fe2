"""What CI runs is fixed, and is what a developer can run."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, files

USES = re.compile(r"uses:\s*(\S+)")
SCRIPT = ROOT / ".ci" / "run"
TARGETS = ["lint", "types", "imports", "test"]
CHECKS = [f"check make {target}" for target in TARGETS]


def test_every_action_is_pinned_by_its_hash() -> None:
    used = [
        action
        for path in files(".github/workflows/*.yml")
        for action in USES.findall(path.read_text())
    ]

    assert used
    assert [one for one in used if not re.search(r"@[0-9a-f]{40}$", one)] == []


def test_ci_runs_the_tests_through_make() -> None:
    lines = SCRIPT.read_text().splitlines()

    assert os.access(SCRIPT, os.X_OK)
    assert [line for line in lines if line.startswith("check ")] == CHECKS


@pytest.mark.parametrize("broken", ["", "lint", "test"])
def test_ci_runs_every_check_and_fails_if_one_did(tmp_path: Path, broken: str) -> None:
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\necho "ran $1"; [ "$1" != "{broken}" ]\n')
    make.chmod(0o755)
    done = subprocess.run(
        [SCRIPT],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert re.findall(r"^ran (\w+)", done.stdout, re.MULTILINE) == TARGETS
    assert re.findall(r"^FAILED: make (\w+)", done.stdout, re.MULTILINE) == (
        [broken] if broken else []
    )
    assert done.returncode == (1 if broken else 0)
