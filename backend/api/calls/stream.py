"""A streamed answer: the steps of one job or of several, written by a protocol.

The head waits for the first word, so that what fails before it is answered with its own
status. It does not wait longer than a keep-alive: then the stream begins with comments,
in protocols that have them.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from typing import Protocol

from flask import Response

from backend.api.calls.call import Call, abandon
from backend.api.calls.failure import AttemptRestartedError
from backend.api.calls.headers import elapsed_ms
from backend.api.calls.relay import Delta, Ended, Progress, Restarted, Step, Waiting
from backend.api.container import Services
from backend.api.delivery import drop
from backend.api.presence import LOOK_SECONDS, CallerVanishedError
from backend.core import metrics
from backend.core.errors import AppError, DrainingError

# How long one of several jobs is listened to before the next one has its turn.
_TURN_SECONDS = 0.02

_HEADERS = {
    "Cache-Control": "no-cache",
    # nginx would keep the answer back until its buffer is full.
    "X-Accel-Buffering": "no",
}


class Writer(Protocol):
    """How a protocol writes a stream; `index` tells several answers apart.

    An answer may begin anew while nothing of it was written: then `attempt` is another.
    """

    content_type: str

    def begin(self) -> bytes:
        """Write what comes before all else."""

    def delta(self, index: int, delta: Delta) -> bytes:
        """Write what the model said."""

    def waiting(self, what: str) -> bytes:
        """Write that nothing is said yet; nothing, if the protocol has no word."""

    def ended(self, index: int, end: Ended) -> bytes:
        """Write that one answer is complete."""

    def finish(self) -> bytes:
        """Write what comes after all answers."""

    def failed(self, error: AppError) -> bytes:
        """Write why the stream ends before its time; nothing comes after it."""


class AnswerStream:
    """The body of a streamed answer; `close` is called whether it was begun or not."""

    def __init__(
        self,
        services: Services,
        calls: Sequence[Call],
        writer: Writer,
        *,
        progress: Callable[[Progress], bytes] | None = None,
        at_once: bool = False,
        kept: bool = True,
    ) -> None:
        """Take the accepted calls; they are closed with the stream.

        Args:
            services: Of this process.
            calls: Whose answers are written.
            writer: How they are.
            progress: How it is written how far a node's work is, where that is told.
            at_once: Whether the head does not wait for the first word.
            kept: Whether the answer is kept as long as all others.
        """
        self._services = services
        self._calls = calls
        self._writer = writer
        self._progress = progress or _untold
        self._at_once = at_once
        self._kept = kept
        look_seconds = LOOK_SECONDS if len(calls) == 1 else _TURN_SECONDS
        self._relays = [call.relay(look_seconds=look_seconds) for call in calls]
        self._keepalive_seconds = services.settings.sse_keepalive / 1000
        self._written_at = time.monotonic()
        # Those of whose answers the caller has heard something.
        self._heard: set[int] = set()
        self._body = self._run()
        self._first = b""
        self._began_ms = elapsed_ms()
        metrics.stream_opened()

    def response(self) -> Response:
        """Answer as soon as the first word is there, or it takes long.

        Raises:
            AppError: If there will be no answer.
        """
        with ExitStack() as undo:
            undo.callback(self.close)
            self._first = next(self._body, b"")
            undo.pop_all()
        headers = _HEADERS | self._headers()
        return Response(self, content_type=self._writer.content_type, headers=headers)

    def _headers(self) -> dict[str, str]:
        call, relay = self._calls[0], self._relays[0]
        headers = {
            "X-Corral-Model": call.row.model,
            "X-Corral-Overhead-Ms": f"{self._began_ms:.1f}",
        }
        if relay.node is not None:
            headers["X-Corral-Node"] = relay.node
        if relay.ran_at is not None:
            queued = max(0.0, (relay.ran_at - relay.began_at) * 1000)
            headers["X-Corral-Queue-Ms"] = f"{queued:.1f}"
        return headers

    def __iter__(self) -> Iterator[bytes]:
        """Give the stream, what is there at once in one piece."""
        yield self._first
        yield from self._body

    def close(self) -> None:
        """Stop listening, also when nothing was ever read."""
        self._body.close()
        for call in self._calls:
            call.close()
        metrics.stream_closed()

    def _run(self) -> Generator[bytes]:
        with ExitStack() as present:
            for call in self._calls:
                present.enter_context(call.presence)
                call.attend()
            try:
                yield from self._told()
            except CallerVanishedError:
                # The innermost presence lets nobody else hear of it.
                for call in self._calls:
                    call.presence.vanish()
                raise

    def _told(self) -> Iterator[bytes]:
        """Write all steps; before the first piece errors are raised, then written."""
        begun = self._at_once
        try:
            if begun:
                yield self._writer.begin()
            for index, steps in self._steps():
                piece = b"".join(self._written(index, step) for step in steps)
                if not piece:
                    continue
                yield piece if begun else self._writer.begin() + piece
                begun, self._written_at = True, time.monotonic()
            yield self._writer.finish()
        except AppError as error:
            if not isinstance(error, DrainingError):
                abandon(self._calls)
            self._drop_ended()
            if not begun:
                raise
            yield self._writer.failed(error)

    def _steps(self) -> Iterator[tuple[int, list[Step]]]:
        """Listen to all jobs in turn until each has ended."""
        left = {index: relay.steps() for index, relay in enumerate(self._relays)}
        while left:
            for index, steps in list(left.items()):
                step = next(steps, None)
                if step is None:
                    del left[index]
                    self._drop(index)
                    continue
                yield index, step
                self._calls[index].look()

    def _drop_ended(self) -> None:
        """Drop the answers that are there, and that nobody will be told any more."""
        for index, relay in enumerate(self._relays):
            if relay.has_ended:
                self._drop(index)

    def _drop(self, index: int) -> None:
        drop(self._services, self._calls[index].row.id, kept=self._kept)

    def _written(self, index: int, step: Step) -> bytes:
        if isinstance(step, Delta):
            return self._said(index, step)
        if isinstance(step, Restarted):
            if index in self._heard:
                raise AttemptRestartedError
            return b""
        if isinstance(step, Progress):
            return self._progress(step)
        if isinstance(step, Waiting):
            return self._sign_of_life(step.what)
        if step.error is not None:
            raise step.error
        return self._writer.ended(index, step)

    def _said(self, index: int, delta: Delta) -> bytes:
        if piece := self._writer.delta(index, delta):
            self._heard.add(index)
            return piece
        # What a protocol holds back is silence to its caller.
        return self._sign_of_life("running")

    def _sign_of_life(self, what: str) -> bytes:
        due = time.monotonic() - self._written_at >= self._keepalive_seconds
        return self._writer.waiting(what) if due else b""


def _untold(_: Progress) -> bytes:
    return b""
