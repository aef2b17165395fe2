"""`make help` tells the truth, and so does what is written about make."""

import re
import subprocess

import pytest

from tests.architecture.repository import ROOT, files, named

MAKEFILE = ROOT / "Makefile"
TARGET = re.compile(r"^([a-z][a-z0-9-]*):(?!=)(.*)$", re.MULTILINE)
# `make demo`, or a line of a shell example that begins with it.
MENTIONED = re.compile(r"(?:`|^\s*(?:\$ )?)make ([a-z][a-z0-9-]*)", re.MULTILINE)


def targets() -> dict[str, str]:
    return dict(TARGET.findall(MAKEFILE.read_text()))


def test_every_target_has_a_line_of_help() -> None:
    assert [name for name, rest in targets().items() if "## " not in rest] == []


def test_every_target_is_shown_by_make_help() -> None:
    shown = subprocess.check_output(["make", "help"], cwd=ROOT, text=True)

    listed = set(re.findall(r"^  ([a-z0-9-]+) ", shown, re.MULTILINE))
    assert listed == set(targets())


def test_no_target_is_mistaken_for_a_file() -> None:
    phony = set(re.findall(r"^\.PHONY: (\S+)$", MAKEFILE.read_text(), re.MULTILINE))

    assert set(targets()) - phony == set()


def test_every_target_that_is_written_about_exists() -> None:
    unknown = {
        f"{named(path)}: make {name}"
        for path in files("*.md", ".github/*", ".ci/*", "*.sh")
        for name in MENTIONED.findall(path.read_text())
        if name not in targets()
    }

    assert unknown == set()


@pytest.mark.parametrize(
    "name",
    ["help", "up", "down", "logs", "demo", "test", "lint", "sure", "bench", "doctor"],
)
def test_the_promised_targets_are_there(name: str) -> None:
    assert name in targets()
