"""Following a job from any place in its stream to its end, whatever is lost on the way.

Pure of HTTP: gives frames and `Silence`; the caller writes them as SSE, NDJSON or a
page of events.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import orjson
import redis

from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import FINAL, State
from backend.core.streams.frames import (
    LAST_SEQ,
    START,
    EntryId,
    EventName,
    Frame,
    end_data,
    leaves_result_out,
    read_entry,
    stream_key,
)
from backend.core.streams.mailbox import Mail, Mailbox
from backend.core.streams.text import whole_text_data


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing came for a moment; the caller may write a comment or look at its peer."""

    job: JobRecord


Told = Frame | Silence


class Record:
    """Reads what is kept of streams."""

    def __init__(self, client: redis.Redis) -> None:
        """Keep the client."""
        self._client = client

    def after(self, job_id: str, place: EntryId) -> list[Frame] | None:
        """Read the frames after a place; None if Redis cannot be asked."""
        try:
            entries = self._client.execute_command(
                "XRANGE", stream_key(job_id), f"({place}", "+"
            )
        except redis.RedisError:
            return None
        return [read_entry(entry) for entry in entries or ()]


class Follower:
    """One reader's way through one job's stream."""

    def __init__(
        self,
        job: JobRecord,
        box: Mailbox,
        *,
        record: Record,
        read_job: Callable[[str], JobRecord | None],
        after: EntryId = START,
        look_seconds: float = 0.5,
        is_new: bool = False,
    ) -> None:
        """Start after a place.

        Args:
            job: The row as it was read after the mailbox was opened.
            box: Where the hub leaves this job's frames.
            record: Reads the stream in Redis.
            read_job: Reads the row with its payload.
            after: The last event that the reader has.
            look_seconds: How often `Silence` is given while nothing comes.
            is_new: The mailbox is older than the job, so the record has no more yet.
        """
        self._job = job
        self._box = box
        self._record = record
        self._read_job = read_job
        self._place = after
        self._look_seconds = look_seconds
        self._rereads = not is_new
        self._ended = False

    def batches(self) -> Iterator[list[Told]]:
        """Give what there is at once, again and again, up to `end`.

        A moment in which nothing came is a batch of its own: `Silence`.
        """
        if self._job.state in FINAL:
            yield list(self._stored(self._job))
            return
        if self._rereads:
            yield list(self._reread())
        while not self._ended:
            yield self._next_batch()

    def frames(self) -> Iterator[Told]:
        """Give the frames up to `end`, and `Silence` in between."""
        return itertools.chain.from_iterable(self.batches())

    def _next_batch(self) -> list[Told]:
        mail = self._box.get(self._look_seconds)
        if mail is None:
            return [Silence(self._job)]
        told: list[Told] = []
        while mail is not None and not self._ended:
            told += self._told(mail)
            mail = self._box.get_now()
        return told

    def _told(self, mail: Mail) -> Iterable[Frame]:
        if isinstance(mail, Frame):
            return self._frame(mail)
        if isinstance(mail, JobRecord):
            return self._row(mail)
        return self._reread()

    def _frame(self, frame: Frame) -> Iterator[Frame]:
        if frame.id is None:
            yield frame
        elif frame.id <= self._place:
            return
        elif self._follows(frame.id):
            yield self._take(frame)
        else:
            yield from self._reread()

    def _follows(self, place: EntryId) -> bool:
        last = self._place
        if place.attempt == last.attempt:
            return place.seq == last.seq + 1
        first = EntryId(1, 1) if place.attempt == 1 else EntryId(place.attempt, 0)
        return place == first

    def _take(self, frame: Frame) -> Frame:
        if frame.id is not None:
            self._place = frame.id
        self._ended = frame.event == EventName.END
        return self._filled(frame) if leaves_result_out(frame) else frame

    def _filled(self, end: Frame) -> Frame:
        job = self._read_job(self._job.id)
        return end if job is None else Frame(EventName.END, end_of(job), end.id)

    def _reread(self) -> Iterator[Frame]:
        """Give what the record has after the last place, in its order."""
        for frame in self._record.after(self._job.id, self._place) or ():
            yield from self._with_reset(frame)
            if self._ended:
                return

    def _with_reset(self, frame: Frame) -> Iterator[Frame]:
        """Take a frame, and a reset before it if a later attempt's was lost."""
        attempt = 0 if frame.id is None else frame.id.attempt
        if 0 < self._place.attempt < attempt and frame.event != EventName.RESET:
            yield _reset(attempt)
        yield self._take(frame)

    def _row(self, row: JobRecord) -> Iterator[Frame]:
        """Believe the database: the job ended, or moved, and nobody told."""
        yield from self._reread()
        if self._ended:
            return
        if row.state in FINAL:
            yield from self._stored(row)
        elif (row.state, row.attempt) != (self._job.state, self._job.attempt):
            yield Frame(EventName.STATE, state_of(row))
        self._job = row

    def _stored(self, row: JobRecord) -> Iterator[Frame]:
        """Give the rest from the record if it is whole, else the stored result."""
        kept = self._record.after(row.id, self._place) or []
        if _whole(kept, self._place):
            for frame in kept:
                yield from self._with_reset(frame)
            return
        yield from self._from_result(self._read_job(row.id) or row)

    def _from_result(self, job: JobRecord) -> Iterator[Frame]:
        last = last_place(job)
        if self._place.attempt and self._place.attempt < last.attempt:
            yield _reset(last.attempt)
        text = whole_text_data(job.result)
        if text is not None and self._place < last:
            yield Frame(EventName.TOKENS, text, last)
        yield self._take(Frame(EventName.END, end_of(job), last))


def _reset(attempt: int) -> Frame:
    data = orjson.dumps({"attempt": attempt, "reason": "restarted"})
    return Frame(EventName.RESET, data, EntryId(attempt, 0))


def _whole(frames: list[Frame], place: EntryId) -> bool:
    """Tell whether frames go on from a place without a gap, up to the end."""
    return (
        bool(frames)
        and frames[-1].event == EventName.END
        and without_gap(frames, place)
    )


def without_gap(frames: Iterable[Frame], place: EntryId = START) -> bool:
    """Tell whether frames go on from a place without a gap."""
    for frame in frames:
        here = frame.id or START
        outsider = here.seq == LAST_SEQ
        same = here.attempt == place.attempt and here.seq == place.seq + 1
        fresh = here == (EntryId(1, 1) if here.attempt == 1 else (here.attempt, 0))
        if not (same or fresh or outsider):
            return False
        place = here
    return True


def last_place(job: JobRecord) -> EntryId:
    """Give the id of a final job's last event, as its reader would have seen it."""
    if job.last_event_id:
        return EntryId.parse(job.last_event_id)
    return EntryId(job.attempt, LAST_SEQ)


def end_of(job: JobRecord) -> bytes:
    """Write `end` from the stored row."""
    embeds = isinstance(job.result, dict) and "embeddings" in job.result
    return end_data(
        job.id,
        job.state,
        done_reason=job.done_reason,
        usage={
            "prompt_tokens": job.prompt_tokens,
            "completion_tokens": job.completion_tokens,
        },
        timings=job.timings,
        error=job.error,
        served_model=job.served_model,
        result=job.result if embeds else None,
    )


def state_of(
    job: JobRecord, *, position: int | None = None, eta_seconds: float | None = None
) -> bytes:
    """Write `state` from the row."""
    from_row = {"state": job.state, "attempt": job.attempt, "node": job.node}
    queued = job.state is State.QUEUED
    return orjson.dumps(
        {
            "id": job.id,
            **from_row,
            "position": position if queued else None,
            "eta_seconds": eta_seconds if queued else None,
            "model": job.requested_model,
        }
        | ({"progress": job.progress} if job.progress else {})
    )
