"""The command line: serve, or ask a running server as `ollama list` does."""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from ollama_sim.server import run
from ollama_sim.settings import Settings

_TIMEOUT_SECONDS = 2


def listing(argv: Sequence[str], environ: Mapping[str, str], out: TextIO) -> int:
    """Print the installed models; fail if no server answers (a healthcheck)."""
    settings = Settings.read(argv, environ)
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104
    url = f"http://{host}:{settings.port}/api/tags"
    try:
        models = _get(url)["models"]
    except urllib.error.URLError as error:
        out.write(f"could not connect to {url}: {error.reason}\n")
        return 1
    out.writelines(map(_row, models))
    return 0


# Any: JSON.
def _row(model: dict[str, Any]) -> str:
    return f"{model['name']:<32} {model['digest'][:12]} {model['size']}\n"


def _get(url: str) -> dict[str, Any]:
    # No proxy: a server on this machine is asked.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=_TIMEOUT_SECONDS) as response:
        found: dict[str, Any] = json.load(response)
    return found


def main() -> None:
    """Do what the first word says; without one, serve."""
    word, rest = (sys.argv[1:2] or ["serve"])[0], sys.argv[2:]
    if word in ("list", "ls"):
        sys.exit(listing(rest, os.environ, sys.stdout))
    run(rest if word == "serve" else sys.argv[1:])
