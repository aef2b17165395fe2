"""Run all of Corral on this machine: `make demo` and its relatives.

Nothing but this repository's virtual environment is needed. `up` chooses ports, finds a
Redis and an Ollama (or simulates it), brings the database up to date, and lets
supervisord run the processes. Everything it writes is in .demo (or DEMO_DIR).
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.local import env_file, supervisor
from infra.local.folder import ROOT, DemoFolder
from infra.local.launch import DemoError, Launch
from infra.local.ports import PortTakenError
from infra.local.readiness import NotReadyError
from infra.local.redis_binary import NoRedisError


def say(text: str) -> None:
    """Tell the person at the terminal, if there still is one."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        # The terminal was closed: what is left to do is to end everything, in silence.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 — for the rest of the run


def up(folder: DemoFolder, environ: Mapping[str, str], *, detach: bool) -> int:
    """Start everything, and stay until it ends unless told to leave."""
    launch = Launch(folder, environ, say=say)
    try:
        return launch.run(detach=detach)
    except (DemoError, NoRedisError, NotReadyError, PortTakenError) as error:
        say(f"\ndemo: {error}")
        return 1


def down(folder: DemoFolder) -> int:
    """End the demo that runs in this folder."""
    pid = supervisor.running_pid(folder)
    if pid is None:
        say(f"demo: none runs in {folder.shown(folder.path)}")
        return 0
    say("demo: ending all its processes")
    supervisor.stop(pid)
    say("demo: nothing of it runs any more")
    return 0


def running(folder: DemoFolder) -> int:
    """Answer by the exit status whether a demo runs."""
    return 0 if supervisor.running_pid(folder) else 1


def doctor(folder: DemoFolder, environ: Mapping[str, str]) -> int:
    """Run `corral doctor` with the settings of the demo."""
    settings = {**environ, **env_file.read(folder.settings)}
    corral = Path(sys.executable).with_name("corral")
    command = [str(corral), "doctor"]
    return subprocess.run(command, env=settings, cwd=ROOT, check=False).returncode  # noqa: S603 — our own command


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up").add_argument("--detach", action="store_true")
    for name in ("down", "running", "doctor"):
        commands.add_parser(name)
    chosen = parser.parse_args(arguments)
    folder = DemoFolder.of(os.environ)
    if chosen.command == "up":
        return up(folder, os.environ, detach=chosen.detach)
    if chosen.command == "doctor":
        return doctor(folder, os.environ)
    return down(folder) if chosen.command == "down" else running(folder)


if __name__ == "__main__":
    sys.exit(main())
