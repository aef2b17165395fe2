"""What one response has been told about its job and not taken yet."""

import queue
import time

from backend.core.jobs.records import JobRecord
from backend.core.streams.frames import Frame

# A slow client's frames are dropped beyond this and read again from the record.
_MAILBOX_FRAMES = 1_000


class Reread:
    """Something may have been missed: read the record."""


REREAD = Reread()
Mail = Frame | JobRecord | Reread


class Mailbox:
    """What one response has been told and not taken yet."""

    __slots__ = ("_queue", "heard_at", "job_id", "only_end", "row")

    def __init__(self, job_id: str, *, only_end: bool = False) -> None:
        """Wait for one job; with `only_end` for nothing but its end."""
        self.job_id = job_id
        self.only_end = only_end
        self.heard_at = time.monotonic()
        # The job as it was committed at its end, if whoever ended it said so.
        self.row: bytes | None = None
        self._queue: queue.SimpleQueue[Mail] = queue.SimpleQueue()

    def put(self, mail: Mail) -> None:
        """Leave something; a full box is emptied, and what was in it read again."""
        if self._queue.qsize() >= _MAILBOX_FRAMES:
            self._empty()
            mail = REREAD
        self._queue.put(mail)

    def get(self, timeout_seconds: float) -> Mail | None:
        """Take the next thing, or None when the time is over."""
        try:
            return self._queue.get(timeout=timeout_seconds)
        except queue.Empty:
            return None

    def get_now(self) -> Mail | None:
        """Take the next thing if there is one."""
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return None

    def _empty(self) -> None:
        while self.get_now() is not None:
            pass
