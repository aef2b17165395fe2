"""Reading Server-Sent Events as a client does."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson


class SentEvent(NamedTuple):
    """One event, or a comment, whose name is empty."""

    id: str | None
    event: str
    data: Any


def read_events(text: str) -> list[SentEvent]:
    """Read whole events; what is cut off at the end is left out."""
    return [_event(block.split("\n")) for block in text.split("\n\n")[:-1]]


def _event(lines: Iterable[str]) -> SentEvent:
    fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
    comments = [line[2:] for line in lines if line.startswith(":")]
    if comments:
        return SentEvent(None, "", comments[0])
    return SentEvent(fields.get("id"), fields["event"], orjson.loads(fields["data"]))


def joined_text(events: Iterable[SentEvent]) -> str:
    """Put a job's text together as clients are told to."""
    text = ""
    for event in events:
        if event.event == "reset":
            text = ""
        elif event.event == "tokens":
            text = text[: event.data["text_offset"]] + event.data["text"]
    return text


def named(events: Iterable[SentEvent], name: str) -> Iterator[SentEvent]:
    """Give the events of one name."""
    return (event for event in events if event.event == name)
