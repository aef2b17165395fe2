"""Run processes under supervisord: its configuration, its start and its end.

Supervisord gets a session of its own, so that Ctrl-C and a closing terminal reach only
the demo, which then ends it in order (supervisord itself takes SIGHUP for "reload").
Each process is told by the kernel when its parent dies, so that none is ever orphaned.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.local.folder import ROOT, DemoFolder
from infra.local.parts import Part

# How long a process may take to end before it is killed; the drain is shorter.
STOP_SECONDS = 8
_EXIT = re.compile(r"\b(?:exited|gave up|spawnerr): (\S+)", re.MULTILINE)


def config(parts: Sequence[Part], folder: DemoFolder) -> str:
    """Return supervisord's configuration; it holds no secret."""
    head = f"""\
[supervisord]
nodaemon=true
silent=true
directory={_escaped(str(ROOT))}
pidfile={_escaped(str(folder.pid))}
logfile={_escaped(str(folder.log / "supervisord.log"))}
childlogdir={_escaped(str(folder.log))}
"""
    return head + "".join(
        _program(part, folder, priority) for priority, part in enumerate(parts)
    )


def _program(part: Part, folder: DemoFolder, priority: int) -> str:
    environment = ",".join(
        f'{name}="{_escaped(value)}"' for name, value in part.environment.items()
    )
    # Supervisor expands a log's path twice, everything else once.
    return f"""
[program:{part.name}]
command={_escaped(shlex.join([*_tied("KILL"), *part.command]))}
environment={environment}
priority={priority}
autorestart=true
startretries=100
stopwaitsecs={STOP_SECONDS}
killasgroup=true
redirect_stderr=true
stdout_logfile={_escaped(_escaped(str(folder.log / part.name)))}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=1
"""


def start(
    folder: DemoFolder, environment: Mapping[str, str], *, tied: bool
) -> "subprocess.Popen[bytes]":
    """Start supervisord.

    Args:
        folder: Where its configuration is.
        environment: What its processes get to see, secrets included.
        tied: Let it end when this process dies, however that happens.
    """
    (folder.log / "supervisord.log").unlink(missing_ok=True)
    with (folder.log / "supervisord.out").open("wb") as out:
        return subprocess.Popen(  # noqa: S603 — our own interpreter and configuration
            [
                *(_tied("TERM") if tied else []),
                *(sys.executable, "-m", "supervisor.supervisord"),
                *("-n", "-c", str(folder.supervisor_config)),
            ],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )


def running_pid(folder: DemoFolder) -> int | None:
    """Return the id of the supervisord that runs this folder's demo, if one does."""
    try:
        pid = int(folder.pid.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if str(folder.supervisor_config).encode() in command else None


def stop(pid: int) -> None:
    """End a supervisord with all its processes, and wait until they are gone.

    It ends one after the other. What is left of them after that, or of it when it takes
    longer than it may, is killed.
    """
    family = {pid, *descendants(pid)}
    _signal(pid, signal.SIGTERM)
    give_up_at = time.monotonic() + STOP_SECONDS * (1 + len(children(pid)))
    while is_alive(pid) and time.monotonic() < give_up_at:
        time.sleep(0.05)
        # It may have been starting some when it was told to end.
        family.update(descendants(pid))
    for member in filter(is_alive, family):
        _signal(member, signal.SIGKILL)
    while any(map(is_alive, family)):
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """Return the ids of a process's children."""
    return [child for child, parent in _parents().items() if parent == pid]


def descendants(pid: int) -> list[int]:
    """Return the ids of a process's children, their children, and so on."""
    parents, found = _parents(), [pid]
    for ancestor in found:
        found += [child for child, parent in parents.items() if parent == ancestor]
    return found[1:]


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for yet does not."""
    fields = _stat(Path(f"/proc/{pid}/stat"))
    return bool(fields) and fields[0] != "Z"


def exits(log: str) -> list[tuple[str, int]]:
    """Count in supervisord's log how often each process ended by itself."""
    return Counter(_EXIT.findall(log)).most_common()


def _parents() -> dict[int, int]:
    stats = {path: _stat(path) for path in Path("/proc").glob("[0-9]*/stat")}
    return {int(path.parent.name): int(stat[1]) for path, stat in stats.items() if stat}


def _stat(path: Path) -> list[str]:
    # pid (name) state parent …, where the name may hold spaces and brackets.
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _signal(pid: int, number: signal.Signals) -> None:
    if is_alive(pid):
        os.kill(pid, number)


def _tied(name: str) -> list[str]:
    # The kernel sends this signal when the parent dies. To the supervisor TERM, so that
    # it ends all in order; to its processes KILL, since some miss a TERM as they start.
    # Part of util-linux, so on every Linux; elsewhere only an orderly end ends all.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", name] if setpriv else []


def _escaped(value: str) -> str:
    return value.replace("%", "%%")
