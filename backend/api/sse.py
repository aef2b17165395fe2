"""A job's events as Server-Sent Events (JOBS.md 6)."""

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack

import structlog
from flask import Response

from backend.api.container import Services
from backend.api.delivery import drop
from backend.api.presence import LOOK_SECONDS, Presence
from backend.api.wishes import EVENT_STREAM
from backend.core import metrics
from backend.core.errors import AppError
from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import State
from backend.core.streams.follow import Follower, Silence, Told, state_of
from backend.core.streams.frames import START, EntryId, EventName, Frame
from backend.core.streams.mailbox import Mailbox

log = structlog.get_logger()

_HEADERS = {
    "Cache-Control": "no-cache",
    # nginx would keep the events back until its buffer is full.
    "X-Accel-Buffering": "no",
}
_RECONNECT = b": this server is stopping, reconnect with Last-Event-ID\n\n"


def stream_response(events: "EventStream", headers: dict[str, str]) -> Response:
    """Answer with a job's events."""
    return Response(events, content_type=EVENT_STREAM, headers=_HEADERS | headers)


def written(frame: Frame) -> bytes:
    """Write a frame as an event."""
    if frame.id is None:
        return b"event: %b\ndata: %b\n\n" % (frame.event.encode(), frame.data)
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        str(frame.id).encode(),
        frame.event.encode(),
        frame.data,
    )


class EventStream:
    """The body of a response; `close` is called whether it was begun or not."""

    def __init__(
        self,
        services: Services,
        box: Mailbox,
        job: JobRecord,
        presence: Presence,
        *,
        opened: ExitStack,
        after: EntryId = START,
        is_new: bool = False,
        position: int | None = None,
    ) -> None:
        """Begin after a place; the mailbox is older than the row.

        What the caller has opened for the stream, its mailbox above all, becomes the
        stream's to close.
        """
        self._services = services
        self._job = job
        self._presence = presence
        self._position = position
        self._placed = position is not None
        self._silent_since = time.monotonic()
        self._loading = False
        self._follower = Follower(
            job,
            box,
            record=services.record,
            read_job=services.reads.get,
            after=after,
            look_seconds=LOOK_SECONDS,
            is_new=is_new,
        )
        self._events = self._run()
        metrics.stream_opened()
        self._opened = opened.pop_all()

    def __iter__(self) -> Iterator[bytes]:
        """Give the events, those that wait together in one piece."""
        return self._events

    def close(self) -> None:
        """Stop listening, also when nothing was ever read."""
        with self._opened:
            self._events.close()
        metrics.stream_closed()

    def _run(self) -> Generator[bytes]:
        with self._presence as presence:
            presence.attach()
            yield self._state(self._job)
            for batch in self._follower.batches():
                piece = b"".join(map(self._told, batch))
                if piece:
                    self._silent_since = time.monotonic()
                    yield piece
                if self._over(batch):
                    drop(self._services, self._job.id)
                elif self._services.draining.is_set():
                    yield _RECONNECT
                    return
                presence.look()

    @staticmethod
    def _over(batch: list[Told]) -> bool:
        last = batch[-1] if batch else None
        return isinstance(last, Frame) and last.event == EventName.END

    def _told(self, told: Told) -> bytes:
        if isinstance(told, Silence):
            return self._in_silence(told.job)
        self._loading = told.event == EventName.STATE and b'"status":"load' in told.data
        return written(told)

    def _state(self, job: JobRecord) -> bytes:
        eta = self._services.forecast.eta_seconds(job.model, self._position)
        data = state_of(job, position=self._position, eta_seconds=eta)
        return written(Frame(EventName.STATE, data))

    def _in_silence(self, job: JobRecord) -> bytes:
        """Tell a place that nobody knew yet; else a comment now and then."""
        alive_ms = (time.monotonic() - self._silent_since) * 1000
        due = alive_ms >= self._services.settings.sse_keepalive
        if job.state is not State.QUEUED:
            return self._running_comment() if due else b""
        if self._placed and not due:
            return b""
        self._placed = True
        return self._queued(job)

    def _running_comment(self) -> bytes:
        return b": loading\n\n" if self._loading else b": running\n\n"

    def _queued(self, job: JobRecord) -> bytes:
        place = self._place(job)
        moved = place is not None and place != self._position
        self._position = place
        eta = self._services.forecast.eta_seconds(job.model, place)
        comment = f": queued position={place or '?'} eta={_rounded(eta)}\n\n"
        return (self._state(job) if moved else b"") + comment.encode()

    def _place(self, job: JobRecord) -> int | None:
        try:
            return self._services.reads.place(job.id)
        except AppError as error:
            # The stream goes on without it; the database will be back.
            log.warning("place_unknown", job_id=job.id, error=error.detail)
            return self._position


def _rounded(eta_seconds: float | None) -> str:
    return "?" if eta_seconds is None else str(round(eta_seconds))
