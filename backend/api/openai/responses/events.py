"""A response as it is streamed: numbered, so that a reader can go on where it was.

    created ► (queued) ► in_progress ► those of the items ► completed|incomplete|failed

Whoever reads a response, on whichever server, is told the same events under the same
numbers: they are counted from the beginning over what the record of the job's stream
has, and nothing else is numbered. An attempt that began anew has numbers of its own, so
that nobody goes on in another text than the one it has begun to read.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from backend.api.calls.failure import (
    AttemptRestartedError,
    JobCancelledError,
    JobFailedError,
)
from backend.api.calls.relay import Delta, Ended
from backend.api.calls.tooling import ToolChoiceUnmetError
from backend.api.openai.errors import body as error_body
from backend.api.openai.responses.answer import (
    QUEUED,
    ended,
    ended_badly,
    head,
    unanswered,
    usage,
)
from backend.api.openai.responses.item_events import ItemEvents
from backend.api.openai.responses.items import COMPLETED, IN_PROGRESS, INCOMPLETE
from backend.api.openai.schemas.responses import ResponseCreateParams
from backend.core.errors import AppError

Json = dict[str, Any]
# What no attempt has events for: each flush of tokens, some 50 in a second, has one.
_NUMBERS_OF_AN_ATTEMPT = 1_000_000_000
# The response's own end; any other error only ends this stream of it.
_ITS_END = (JobFailedError, JobCancelledError, ToolChoiceUnmetError)


class ResponseEvents:
    """Writes the stream of one response, from its beginning or after a number."""

    content_type = "text/event-stream"

    def __init__(
        self,
        job_id: str,
        body: ResponseCreateParams,
        *,
        after: int = -1,
        only_end: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take what is asked.

        Args:
            job_id: Of the response.
            body: What is asked.
            after: The number of the last event that the reader has.
            only_end: What the reader has cannot be found any more.
            clock: Tells when an answer is complete.
        """
        self._job_id = job_id
        self._body = body
        self._after = after
        self._only_end = only_end
        self._clock = clock
        self._items = ItemEvents(job_id)
        # What comes before is written last.
        self._count = lead(body)
        self._attempt = 1

    def begin(self) -> bytes:
        """Write what every response begins with."""
        statuses = _beginning(self._body)
        events = (
            self._lifecycle(name, unanswered(self._job_id, self._body, status=status))
            for name, status in statuses.items()
        )
        return b"".join(
            _event(event, number)
            for number, event in enumerate(events)
            if self._is_wanted(number)
        )

    def delta(self, index: int, delta: Delta) -> bytes:
        """Write what the model said.

        Raises:
            AppError: If it began anew after what the reader has.
        """
        del index
        self._check_attempt(delta.attempt)
        self._note_attempt(delta.attempt)
        return self._written(self._items.said(delta))

    def waiting(self, what: str) -> bytes:
        """Write a comment, which clients pass over."""
        return f": {what}\n\n".encode()

    def ended(self, index: int, end: Ended) -> bytes:
        """Write that the response is complete."""
        del index
        self._note_attempt(end.attempt)
        cut = end.done_reason == "length"
        closed = self._written(self._items.over(INCOMPLETE if cut else COMPLETED))
        told = ended(
            self._items.items,
            end.done_reason,
            finished_at=self._clock(),
            used=usage(end.prompt_tokens, end.completion_tokens),
        )
        return closed + self._last(self._closing(told))

    def finish(self) -> bytes:
        """Write nothing: the response's end was the last event."""
        return b""

    def failed(self, error: AppError) -> bytes:
        """Write why the response failed, or only this stream of it."""
        if not isinstance(error, _ITS_END):
            told = error_body(error)["error"]
            return self._last({**told, "type": "error"})
        for _ in self._items.over(INCOMPLETE):
            # Items that were cut are told with the response.
            pass
        return self._last(self._closing(ended_badly(error, self._items.items)))

    def _check_attempt(self, attempt: int) -> None:
        read = self._after // _NUMBERS_OF_AN_ATTEMPT + 1
        has_begun = self._after >= lead(self._body)
        if has_begun and read < attempt and not self._only_end:
            raise AttemptRestartedError

    def _note_attempt(self, attempt: int) -> None:
        """Count from the beginning where what was said is void, as nobody heard it."""
        if attempt != self._attempt:
            self._attempt = attempt
            self._items, self._count = ItemEvents(self._job_id), lead(self._body)

    def _closing(self, state: Json) -> Json:
        told = head(self._job_id, self._body) | state
        # There is no event of a cancel: the response in it says what it is.
        well = told["status"] in {COMPLETED, INCOMPLETE}
        return self._lifecycle(told["status"] if well else "failed", told)

    @staticmethod
    def _lifecycle(name: str, response: Json) -> Json:
        return {"type": f"response.{name}", "response": response}

    def _written(self, events: Iterable[Json]) -> bytes:
        return b"".join(
            _event(event, number)
            for event in events
            if self._is_wanted(number := self._next())
        )

    def _is_wanted(self, number: int) -> bool:
        return number > self._after and not self._only_end

    def _last(self, event: Json) -> bytes:
        """Write the last event, which no reader goes without."""
        return _event(event, max(self._next(), self._after + 1))

    def _next(self) -> int:
        number = (self._attempt - 1) * _NUMBERS_OF_AN_ATTEMPT + self._count
        self._count += 1
        return number


def lead(body: ResponseCreateParams) -> int:
    """Give the first number that stands for something that the model said."""
    return len(_beginning(body))


def _beginning(body: ResponseCreateParams) -> dict[str, str]:
    """Give the events that every response begins with, and its status in each."""
    if body.background:
        return {"created": QUEUED, "queued": QUEUED, "in_progress": IN_PROGRESS}
    return {"created": IN_PROGRESS, "in_progress": IN_PROGRESS}


def _event(data: Json, number: int) -> bytes:
    told = orjson.dumps({**data, "sequence_number": number})
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), told)
