"""The files of this repository, as the rules in this folder look at them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(*patterns: str) -> Iterator[Path]:
    """Return what git knows or would add, where it still exists."""
    listed = subprocess.check_output(
        [
            *("git", "-c", f"safe.directory={ROOT}", "ls-files"),
            *("--cached", "--others", "--exclude-standard", "-z", "--", *patterns),
        ],
        cwd=ROOT,
        text=True,
    )
    paths = (ROOT / name for name in sorted(set(listed.split("\0"))) if name)
    return (path for path in paths if path.is_file())


def named(path: Path) -> str:
    """Return a file's name as messages show it."""
    return path.relative_to(ROOT).as_posix()
