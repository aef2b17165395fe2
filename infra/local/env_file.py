"""Read and write files of NAME=value lines that a POSIX shell can source."""

import shlex
from collections.abc import Mapping
from pathlib import Path


def text(values: Mapping[str, str]) -> str:
    """Return the lines of such a file."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def read(path: Path) -> dict[str, str]:
    """Return what the file holds; nothing if there is none."""
    if not path.exists():
        return {}
    words = shlex.split(path.read_text(), comments=True)
    return dict(word.split("=", 1) for word in words if "=" in word)
