"""Wait until every part of a demo is healthy, and say so while it happens."""

import time
from collections.abc import Callable, Sequence

from infra.local import supervisor
from infra.local.folder import DemoFolder
from infra.local.parts import Part

# One crash may be a race at the start, which a restart heals; three are a fault.
CRASHES = 3
TAIL_LINES = 25


class NotReadyError(Exception):
    """A part of the demo did not become healthy; the message shows its log."""


def wait(
    parts: Sequence[Part],
    folder: DemoFolder,
    *,
    alive: Callable[[], bool],
    say: Callable[[str], None],
    timeout_seconds: float,
) -> None:
    """Return when all parts are healthy.

    Args:
        parts: What to wait for.
        folder: Where the logs are.
        alive: Tells whether supervisord itself still runs.
        say: Told of each part that has become healthy.
        timeout_seconds: How long to wait in all.

    Raises:
        NotReadyError: If a part keeps ending, or the time is over.
    """
    started = time.monotonic()
    waiting = list(parts)
    while waiting:
        for part in [part for part in waiting if part.is_healthy()]:
            waiting.remove(part)
            say(f"{part.name} is healthy ({time.monotonic() - started:.1f} s)")
        _check_for_crashes(folder, alive=alive)
        if waiting and time.monotonic() - started > timeout_seconds:
            name = waiting[0].name
            raise NotReadyError(
                f"{name} did not become healthy in {timeout_seconds:.0f} s.\n"
                + tail(folder, name)
            )
        time.sleep(0.1)


def tail(folder: DemoFolder, name: str) -> str:
    """Return the end of a process's log, with the place of the rest."""
    for path in (folder.log / f"{name}.log", folder.log / f"{name}.out"):
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        if lines:
            head = f"The end of {folder.shown(path)}:"
            return "\n  ".join([head, *lines[-TAIL_LINES:]])
    return f"Its log is empty; the others are in {folder.shown(folder.log)}."


def _check_for_crashes(folder: DemoFolder, *, alive: Callable[[], bool]) -> None:
    if not alive():
        what = "The supervisor of the processes ended."
        raise NotReadyError(f"{what}\n{tail(folder, 'supervisord')}")
    log = folder.log / "supervisord.log"
    for name, count in supervisor.exits(log.read_text() if log.exists() else ""):
        if count >= CRASHES:
            raise NotReadyError(f"{name} keeps ending.\n{tail(folder, name)}")
