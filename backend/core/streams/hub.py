"""One reader per process for all open responses (JOBS.md 19, 20).

The hub hears the frames of the jobs that somebody here waits for, and puts them into
the mailboxes of those responses. Publishing is at most once, so mailboxes say when
something may have been missed, and the reader then looks at the record.
"""

import threading
import time
from collections.abc import Callable, Sequence

import redis
import structlog

from backend.core.errors import AppError
from backend.core.identifiers import own_family
from backend.core.jobs.records import JobRecord
from backend.core.streams.frames import ROW, channel, channel_of, read_publication
from backend.core.streams.mailbox import REREAD, Mailbox
from backend.core.streams.subscription import Subscription

log = structlog.get_logger()

# How long a job may be silent until the database is asked about it.
_SILENCE_SECONDS = 2.0
_RECONNECT_SECONDS = 0.5
# How long to wait for the confirmation of another channel.
_CONFIRM_SECONDS = 1.0


class _Channel:
    """A channel that is heard, or will be: how many boxes are for its jobs."""

    __slots__ = ("asked", "boxes", "stands")

    def __init__(self) -> None:
        self.boxes = 0
        self.asked = False
        self.stands = threading.Event()


class Hub:
    """Distributes frames, and asks the database about silent jobs, once for all."""

    def __init__(
        self,
        client: redis.Redis,
        read_jobs: Callable[[Sequence[str]], list[JobRecord]],
    ) -> None:
        """Keep the client to subscribe with and the way to read many jobs."""
        self._subscription = Subscription(client)
        self._read_jobs = read_jobs
        self._boxes: dict[str, tuple[Mailbox, ...]] = {}
        # Jobs that were submitted here have ids of this process's family; its channel
        # is always heard. Those of other processes' jobs are as long as somebody reads.
        self._home = channel(own_family())
        self._channels = {self._home: _Channel()}
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
        box, name = Mailbox(job_id, only_end=only_end), channel_of(job_id)
        with self._lock:
            # A new tuple: the listening thread may be walking through the old one.
            self._boxes[job_id] = (*self._boxes.get(job_id, ()), box)
            if name not in self._channels:
                self._channels[name] = _Channel()
                self._channels[name].asked = self._subscription.hear([name])
            heard = self._channels[name]
            heard.boxes += 1
        if heard.asked and not heard.stands.is_set():
            heard.stands.wait(_CONFIRM_SECONDS)
        return box

    def close(self, box: Mailbox) -> None:
        """Forget a response."""
        with self._lock:
            boxes = self._boxes.get(box.job_id, ())
            left = tuple(b for b in boxes if b is not box)
            if left:
                self._boxes[box.job_id] = left
            else:
                self._boxes.pop(box.job_id, None)
            if len(left) < len(boxes):
                self._leave(channel_of(box.job_id))

    def _leave(self, name: str) -> None:
        heard = self._channels[name]
        heard.boxes -= 1
        if not heard.boxes and name != self._home:
            del self._channels[name]
            self._subscription.forget(name)

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
        try:
            self._subscription.open()
            with self._lock:
                asked = self._subscription.hear(self._channels)
                for heard in self._channels.values():
                    heard.asked = asked
            while not self._stopping.is_set():
                message = self._subscription.read(1.0)
                if message is None:
                    continue
                if message[0] == b"message":
                    self._distribute(message[2])
                elif message[0] == b"subscribe":
                    self._confirmed(message[1].decode())
        finally:
            self._subscription.close()
            with self._lock:
                for heard in self._channels.values():
                    heard.asked = False
                    heard.stands.clear()

    def _confirmed(self, name: str) -> None:
        """Take note that a channel is heard (again)."""
        with self._lock:
            heard = self._channels.get(name)
        if heard is not None:
            heard.stands.set()
        if name == self._home:
            self._settled.set()
        # Whatever was said before is in the record.
        for box in self._all():
            if channel_of(box.job_id) == name:
                box.put(REREAD)

    def _distribute(self, message: bytes) -> None:
        if not self._boxes:
            return
        boxes_of = self._boxes.get
        for job_id, frame in read_publication(message):
            for box in boxes_of(job_id, ()):
                box.heard_at = time.monotonic()
                if frame.event == ROW:
                    box.row = frame.data
                elif not box.only_end or frame.event == "end":
                    box.put(frame)

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
