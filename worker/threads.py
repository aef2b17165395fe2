"""The process's own threads: started together, and a death ends the process."""

import os
import threading
from collections.abc import Callable

import structlog

from worker.watchdog import EXIT_CODE

log = structlog.get_logger()


def start(
    name: str, work: Callable[[], None], *, end: Callable[[int], None] = os._exit
) -> threading.Thread:
    """Run a thread; an exception that it does not handle ends the process."""

    def guarded() -> None:
        try:
            work()
        except Exception:
            log.exception("thread_died", thread=name)
            end(EXIT_CODE)

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread
