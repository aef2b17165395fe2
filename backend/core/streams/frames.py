"""Frames: the events of a job as they are kept in Redis and published."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from backend.core.errors import InvalidRequestError
from backend.core.identifiers import family
from backend.core.jobs.states import State

LAST_SEQ = 18_446_744_073_709_551_615
_NO_ID = b"-"
# How an `end` goes out that leaves its result to the database.
_STORED = b'"result":null}'
# Published with an `end`, for those who wait for nothing else: the job's row and result
# (`jobs.repository.rows`). It is no event, and not kept.
ROW = "row"


class EventName(StrEnum):
    """What a frame says (JOBS.md 6)."""

    STATE = "state"
    TOKENS = "tokens"
    RESET = "reset"
    END = "end"


class EntryId(NamedTuple):
    """A place in a job's stream; ordered as Redis orders."""

    attempt: int
    seq: int

    def __str__(self) -> str:
        return f"{self.attempt}-{self.seq}"

    @classmethod
    def parse(cls, text: str, *, field: str = "id") -> "EntryId":
        """Read `<attempt>-<seq>`, as it stands in a field of a request.

        Raises:
            InvalidRequestError: If it is not of that form.
        """
        attempt, _, seq = text.partition("-")
        if _is_number(attempt) and _is_number(seq):
            place = cls(int(attempt), int(seq))
            if max(place) <= LAST_SEQ:
                return place
        why = "must be an event's id, such as 1-12"
        raise InvalidRequestError.of(field, why)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


START = EntryId(0, 0)


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a job; `state` has no place in the record and so no id."""

    event: str
    data: bytes
    id: EntryId | None = None


def stream_key(job_id: str) -> str:
    """Name a job's stream in Redis."""
    return f"corral:stream:{job_id}"


def channel_of(job_id: str) -> str:
    """Name the channel of a job's frames: that of all jobs of one API process."""
    return channel(family(job_id))


def channel(family: str) -> str:
    """Name the channel of a family of jobs."""
    return f"corral:frames:{family}"


def publish(frames: Iterable[tuple[str, Frame]]) -> list[tuple[str, str, bytes]]:
    """Write the commands that publish frames of several jobs: one for each channel."""
    by_channel: dict[str, list[tuple[str, Frame]]] = defaultdict(list)
    for job_id, frame in frames:
        by_channel[channel_of(job_id)].append((job_id, frame))
    return [("PUBLISH", name, publication(some)) for name, some in by_channel.items()]


def publication(frames: Iterable[tuple[str, Frame]]) -> bytes:
    r"""Write frames of several jobs as one message.

    One line a frame, `<job> <id> <event> <data>`: JSON has no raw newline, so a reader
    finds its own lines without parsing any.
    """
    return b"\n".join(
        b"%b %b %b %b"
        % (
            job_id.encode(),
            _NO_ID if frame.id is None else b"%d-%d" % frame.id,
            frame.event.encode(),
            frame.data,
        )
        for job_id, frame in frames
    )


def read_publication(message: bytes) -> Iterable[tuple[str, Frame]]:
    """Read the frames of one message."""
    for line in message.split(b"\n"):
        job_id, entry, event, data = line.split(b" ", 3)
        yield job_id.decode(), Frame(event.decode(), data, _read_id(entry))


def read_entry(entry: tuple[bytes, Any]) -> Frame:
    """Read one entry of a stream, as XRANGE gives it."""
    entry_id, fields = entry
    values = list(fields.values()) if isinstance(fields, dict) else fields[1::2]
    return Frame(values[0].decode(), values[1], _read_id(entry_id))


def _read_id(text: bytes) -> EntryId | None:
    if text == _NO_ID:
        return None
    attempt, _, seq = text.partition(b"-")
    return EntryId(int(attempt), int(seq))


def end_data(
    job_id: str,
    state: State,
    *,
    done_reason: str | None = None,
    usage: dict[str, int | None] | None = None,
    timings: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
    served_model: str | None = None,
    result: Any = None,  # JSON; embeddings only
    is_stored: bool = False,
) -> bytes:
    """Write the data of `end`; a stored result is for its readers to look up."""
    data = {
        "id": job_id,
        "state": state,
        "done_reason": done_reason,
        "usage": usage or {"prompt_tokens": None, "completion_tokens": None},
        "timings": timings,
        "error": error,
        "served_model": served_model,
    }
    if result is not None or is_stored:
        data["result"] = result
    return orjson.dumps(data)


def leaves_result_out(frame: Frame) -> bool:
    """Tell whether a frame is an `end` whose result is in the database."""
    return frame.event == EventName.END and frame.data.endswith(_STORED)


def state_data(
    job_id: str,
    state: State,
    *,
    attempt: int,
    position: int | None = None,
    eta_seconds: float | None = None,
    node: str | None = None,
    model: str | None = None,
    progress: dict[str, Any] | None = None,
) -> bytes:
    """Write the data of `state`."""
    data: dict[str, Any] = {
        "id": job_id,
        "state": state,
        "attempt": attempt,
        "position": position,
        "eta_seconds": eta_seconds,
        "node": node,
        "model": model,
    }
    if progress is not None:
        data["progress"] = progress
    return orjson.dumps(data)
