"""The worker's one door for frames: all jobs' text in one pipeline (JOBS.md 19).

Every ~20 ms, a job's first token sooner, and longer between flushes when many streams
are busy. A Redis failure never fails a job: the text stays pending, and what was lost
is written again as one frame.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import redis
import structlog

from backend.core import metrics
from backend.core.redis_client import KeptConnection
from backend.core.streams.frames import (
    ROW,
    EntryId,
    EventName,
    Frame,
    publish,
    stream_key,
)
from backend.core.streams.text import GrowingText

log = structlog.get_logger()

# Two flushes are at least this far apart, also for first tokens.
_LEAST_SECONDS = 0.003
# From here on the pause grows with the streams: more frames than this help nobody read.
_BUSY_STREAMS = 50
_RENEW_SECONDS = 5.0
# How long a frame that is in no hurry waits for others.
_IDLE_SECONDS = 0.1
# While Redis is away the whole text is tried again at this pace.
_FAILURE_SECONDS = 0.5
# How Redis refuses an entry behind the last one.
_SMALLER_ID = "equal or smaller"


class JobStream:
    """One attempt's end of a stream, used by one thread and the flusher."""

    __slots__ = (
        "attempt",
        "ended",
        "job_id",
        "renewed_at",
        "seq",
        "started",
        "text",
        "waits",
    )

    def __init__(self, job_id: str, attempt: int) -> None:
        self.job_id = job_id
        self.attempt = attempt
        self.seq = 0
        self.text = GrowingText()
        self.started = False
        self.ended = False
        self.waits: list[Frame] = []
        self.renewed_at = -math.inf

    def next_id(self) -> EntryId:
        """Take the next place."""
        self.seq += 1
        return EntryId(self.attempt, self.seq)


class Flusher:
    """Carries the frames of all jobs of this process."""

    def __init__(
        self,
        connection: KeptConnection,
        *,
        interval_ms: int,
        lifetime_ms: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep one connection and how long a stream outlives its last frame."""
        self._connection = connection
        self._interval = interval_ms / 1000
        self._lifetime_ms = lifetime_ms
        self._clock = clock
        self._pending: dict[JobStream, None] = {}
        self._lock = threading.Lock()
        self._door = threading.Lock()
        self._some = threading.Event()
        self._urgent = threading.Event()
        self._stopping = False
        self._failing = False
        self.last_seen = clock()

    # What worker threads call.
    def restart(self, stream: JobStream, data: bytes) -> None:
        """Write the reset of a later attempt, before anything else of it."""
        place = EntryId(stream.attempt, 0)
        self._put(stream, Frame(EventName.RESET, data, place), soon=True)

    def last_place(self, stream: JobStream) -> EntryId:
        """Tell at which place `end` will stand."""
        with self._lock:
            text = 1 if stream.text.pending else 0
            return EntryId(stream.attempt, stream.seq + text + 1)

    def announce_state(
        self, stream: JobStream, data: bytes, *, soon: bool = False
    ) -> None:
        """Publish a state; it is no part of the record.

        Most answers begin within a tenth of a second: the state then leaves with the
        first token, and costs no flush of its own.
        """
        self._put(stream, Frame(EventName.STATE, data), soon=soon)

    def add(
        self,
        stream: JobStream,
        text: str = "",
        thinking: str = "",
        tool_calls: list[dict[str, Any]] | None = None,
        logprobs: list[dict[str, Any]] | None = None,
        *,
        soon: bool = True,
    ) -> None:
        """Append text; it leaves with the next flush.

        The last of it need not: it leaves with the end that follows at once.
        """
        with self._lock:
            first = stream.text.empty
            stream.text.add(text, thinking, tool_calls, logprobs)
            self._pending[stream] = None
        if not soon:
            return
        self._some.set()
        if first:
            self._urgent.set()

    def end(self, ends: Sequence[tuple[JobStream, bytes, bytes | None]]) -> None:
        """Write `end` after the COMMIT, with each job's pending text before it.

        The last of each three is the job as it was committed, for those who wait.
        """
        with self._door:
            frames = self._take([stream for stream, _, _ in ends])
            for stream, data, row in ends:
                stream.ended = True
                if row is not None:
                    frames.append((stream, Frame(ROW, row)))
                frames.append((stream, Frame(EventName.END, data, stream.next_id())))
            self._send(frames, ending=True)

    def drop(self, stream: JobStream) -> None:
        """Forget what waits: the attempt was superseded."""
        with self._lock:
            self._pending.pop(stream, None)

    def _put(self, stream: JobStream, frame: Frame, *, soon: bool) -> None:
        with self._lock:
            stream.waits.append(frame)
            self._pending[stream] = None
        if soon:
            self._some.set()

    # The flusher's own thread.
    def run(self) -> None:
        """Flush until stopped."""
        while not self._stopping:
            self.last_seen = self._clock()
            if not self._some.wait(_IDLE_SECONDS) and not self._pending:
                continue
            # An answer that is over by then leaves with its end, in one write.
            time.sleep(_LEAST_SECONDS)
            self._some.clear()
            self._urgent.clear()
            busy = self.flush()
            pause = self._interval * max(1.0, busy / _BUSY_STREAMS) - _LEAST_SECONDS
            self._urgent.wait(_FAILURE_SECONDS if self._failing else pause)

    def stop(self) -> None:
        """End the thread after its present flush."""
        self._stopping = True
        self._some.set()

    def flush(self) -> int:
        """Write what waits; gives the number of streams."""
        with self._door:
            with self._lock:
                streams = list(self._pending)
            self._send(self._take(streams))
        return len(streams)

    def _take(self, streams: Iterable[JobStream]) -> list[tuple[JobStream, Frame]]:
        frames: list[tuple[JobStream, Frame]] = []
        with self._lock:
            for stream in streams:
                self._pending.pop(stream, None)
                frames += [(stream, frame) for frame in stream.waits]
                stream.waits.clear()
                if stream.text.pending:
                    data, place = stream.text.take(), stream.next_id()
                    frames.append((stream, Frame(EventName.TOKENS, data, place)))
        return frames

    def _send(
        self, frames: Sequence[tuple[JobStream, Frame]], *, ending: bool = False
    ) -> None:
        if not frames:
            return
        kept = [(stream, frame) for stream, frame in frames if frame.id is not None]
        commands = [self._xadd(stream, frame) for stream, frame in kept]
        commands += self._renewals(kept, ending=ending)
        commands += publish((stream.job_id, frame) for stream, frame in frames)
        try:
            replies = self._connection.execute(*commands)
        except redis.RedisError as error:
            self._failing = True
            self._failed(kept, error)
        else:
            self._failing = False
            self._check(kept, replies)

    def _xadd(self, stream: JobStream, frame: Frame) -> tuple[Any, ...]:
        # Only the first frame of an attempt may make the stream: afterwards a missing
        # stream was lost, and must not look as if it began in the middle.
        option = ("NOMKSTREAM",) if stream.started else ()
        stream.started = True
        name, key = frame.event, stream_key(stream.job_id)
        return ("XADD", key, *option, str(frame.id), "e", name, "d", frame.data)

    def _renewals(
        self, kept: Sequence[tuple[JobStream, Frame]], *, ending: bool
    ) -> list[tuple[Any, ...]]:
        now = self._clock()
        commands: list[tuple[Any, ...]] = []
        for stream in dict.fromkeys(stream for stream, _ in kept):
            if ending or now - stream.renewed_at >= _RENEW_SECONDS:
                stream.renewed_at = now
                key = stream_key(stream.job_id)
                commands.append(("PEXPIRE", key, self._lifetime_ms))
        return commands

    def _check(
        self, kept: Sequence[tuple[JobStream, Frame]], replies: Sequence[Any]
    ) -> None:
        for (stream, frame), reply in zip(kept, replies, strict=False):
            if isinstance(reply, redis.ResponseError):
                self._refused(stream, frame, reply)
            elif reply is None and frame.event != EventName.END:
                self._rewrite(stream)

    def _refused(
        self, stream: JobStream, frame: Frame, error: redis.ResponseError
    ) -> None:
        if _SMALLER_ID in str(error):
            # A later attempt, or the end, stands there.
            metrics.record_refused_frame()
            log.warning("frame_refused", job_id=stream.job_id, entry=str(frame.id))
        else:
            # Such as "out of memory": it says nothing about the attempt.
            self._failing = True
            self._failed([(stream, frame)], error)

    def _failed(
        self, kept: Sequence[tuple[JobStream, Frame]], error: Exception
    ) -> None:
        metrics.record_stream_failure()
        log.warning("stream_write_failed", error=str(error), frames=len(kept))
        for stream in dict.fromkeys(stream for stream, _ in kept):
            self._rewrite(stream)

    def _rewrite(self, stream: JobStream) -> None:
        """Let the next frame make the stream and carry the whole text."""
        if stream.ended:
            # Its readers find the result in the database.
            return
        with self._lock:
            stream.started = False
            # A stream that is made anew has no expiry yet.
            stream.renewed_at = -math.inf
            stream.text.rewind()
            if not stream.text.empty:
                self._pending[stream] = None
        self._some.set()
