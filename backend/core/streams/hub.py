"""One reader per process for all open responses (JOBS.md 19, 20).

The hub hears every frame that workers publish and puts it into the mailboxes of the
responses that wait for that job. Publishing is at most once, so mailboxes say when
something may have been missed, and the reader then looks at the record.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import redis
import structlog

from backend.core.errors import AppError
from backend.core.jobs.records import JobRecord
from backend.core.streams.frames import CHANNEL, ROW, Frame, read_publication

log = structlog.get_logger()

# A slow client's frames are dropped beyond this and read again from the record.
_MAILBOX_FRAMES = 1_000
# How long a job may be silent until the database is asked about it.
_SILENCE_SECONDS = 2.0
_RECONNECT_SECONDS = 0.5


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


class Hub:
    """Distributes frames, and asks the database about silent jobs, once for all."""

    def __init__(
        self,
        client: redis.Redis,
        read_jobs: Callable[[Sequence[str]], list[JobRecord]],
    ) -> None:
        """Keep the client to subscribe with and the way to read many jobs."""
        self._client = client
        self._read_jobs = read_jobs
        self._boxes: dict[str, tuple[Mailbox, ...]] = {}
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self._started = False
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start listening, once; safe to call before every submit."""
        with self._lock:
            first, self._started = not self._started, True
        if not first:
            return
        for work in (self._listen, self._watch):
            thread = threading.Thread(
                target=work, daemon=True, name=f"hub{work.__name__}"
            )
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End both threads, which takes a second at most while Redis answers."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def wait_until_settled(self, timeout_seconds: float = 5.0) -> None:
        """Wait until the subscription stands, or is known to be down."""
        if not self._settled.is_set():
            self.start()
            self._settled.wait(timeout_seconds)

    def open(self, job_id: str, *, only_end: bool = False) -> Mailbox:
        """Register a response; do so before the INSERT, or frames may be missed."""
        box = Mailbox(job_id, only_end=only_end)
        with self._lock:
            # A new tuple: the listening thread may be walking through the old one.
            self._boxes[job_id] = (*self._boxes.get(job_id, ()), box)
        return box

    def close(self, box: Mailbox) -> None:
        """Forget a response."""
        with self._lock:
            left = tuple(b for b in self._boxes.get(box.job_id, ()) if b is not box)
            if left:
                self._boxes[box.job_id] = left
            else:
                self._boxes.pop(box.job_id, None)

    # The subscription.
    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                self._subscribe()
            except redis.RedisError as error:
                log.warning("subscription_lost", error=str(error))
            except Exception:
                # Without this thread the process would be deaf for good.
                log.exception("subscription_failed")
            self._settled.set()
            self._stopping.wait(_RECONNECT_SECONDS)

    def _subscribe(self) -> None:
        pubsub = self._client.pubsub()
        try:
            pubsub.subscribe(CHANNEL)
            while not self._stopping.is_set():
                message = _next_message(pubsub.connection)
                if message is None:
                    continue
                if message[0] == b"message":
                    self._distribute(message[2])
                else:
                    # It stands (again): whatever was said meanwhile is in the record.
                    self._settled.set()
                    self._tell_all_to_reread()
        finally:
            pubsub.close()

    def _distribute(self, message: bytes) -> None:
        if not self._boxes:
            # Every process hears everything; mostly it is for another.
            return
        boxes_of = self._boxes.get
        for job_id, frame in read_publication(message):
            for box in boxes_of(job_id, ()):
                box.heard_at = time.monotonic()
                if frame.event == ROW:
                    box.row = frame.data
                elif not box.only_end or frame.event == "end":
                    box.put(frame)

    def _tell_all_to_reread(self) -> None:
        for box in self._all():
            box.put(REREAD)

    # The silence.
    def _watch(self) -> None:
        while not self._stopping.wait(_SILENCE_SECONDS):
            try:
                self.ask_about_silent_jobs()
            except AppError as error:
                log.warning("silent_jobs_unread", error=error.detail)
            except Exception:
                log.exception("silent_jobs_failed")

    def ask_about_silent_jobs(self) -> None:
        """Put each silent job's row into its mailboxes; one query for all.

        Raises:
            DatabaseUnavailableError: If the database cannot be asked.
        """
        limit = time.monotonic() - _SILENCE_SECONDS
        silent = [box for box in self._all() if box.heard_at <= limit]
        if not silent:
            return
        ids = sorted({box.job_id for box in silent})
        rows = {job.id: job for job in self._read_jobs(ids)}
        for box in silent:
            if box.job_id in rows:
                box.put(rows[box.job_id])

    def _all(self) -> list[Mailbox]:
        with self._lock:
            return [box for boxes in self._boxes.values() for box in boxes]


def _next_message(connection: Any) -> list[Any] | None:  # redis-py's are untyped
    """Read what comes within a second: redis-py's own way polls twice before it."""
    try:
        message: list[Any] = connection.read_response(
            timeout=1.0, disconnect_on_error=False
        )
    except redis.TimeoutError:
        return None
    return message
