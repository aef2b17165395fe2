"""What CI runs is fixed, and is what a developer can run."""

import os
import re

from tests.architecture.repository import ROOT, files

USES = re.compile(r"uses:\s*(\S+)")


def test_every_action_is_pinned_by_its_hash() -> None:
    used = [
        action
        for path in files(".github/workflows/*.yml")
        for action in USES.findall(path.read_text())
    ]

    assert used
    assert [one for one in used if not re.search(r"@[0-9a-f]{40}$", one)] == []


def test_ci_runs_the_tests_through_make() -> None:
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert re.search(r"\btest\b.*; do$", script.read_text(), re.MULTILINE)
    assert 'make "$target"' in script.read_text()
