"""Files stay short and are named after what is in them."""

import re
from pathlib import Path

from tests.architecture.repository import ROOT, files, named

LONGEST = 300
SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
# Somebody's own folders, which are nowhere else.
PRIVATE_PATH = re.compile(r"(?<![\w.~-])/(?:home|Users|work)/[\w.]")
# Recorded from a real server, word for word.
RECORDED = ROOT / "tests" / "contract" / "data"


def test_no_file_of_code_is_longer_than_can_be_kept_in_mind() -> None:
    long = {
        named(path): length
        for path in files("*.py", "*.sh", "Makefile", ".ci/run")
        if (length := len(path.read_text().splitlines())) > LONGEST
    }

    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    unnamed = [
        named(path)
        for path in files("*.py")
        if SAY_NOTHING & {*path.relative_to(ROOT).parent.parts, path.stem}
    ]

    assert unnamed == []


def test_test_folders_are_no_packages() -> None:
    assert [named(path) for path in files("tests/**/__init__.py")] == []


def test_nothing_names_a_folder_of_somebodys_own_machine() -> None:
    named_paths = [
        f"{named(path)}: {line.strip()}"
        for path in files()
        if RECORDED not in path.parents
        for line in _lines(path)
        if PRIVATE_PATH.search(line)
    ]

    assert named_paths == []


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except UnicodeDecodeError:
        # A picture or a font names no folder.
        return []
