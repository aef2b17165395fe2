"""Answering a chat or a prompt, whole or as a stream."""

from collections.abc import Iterable

from flask import Response

from backend.api.calls.call import answers
from backend.api.calls.headers import serving_headers
from backend.api.calls.stream import AnswerStream
from backend.api.container import services
from backend.api.ollama.admitting import admit
from backend.api.ollama.answers import Lines, whole
from backend.api.ollama.calling import begun
from backend.api.ollama.options import IGNORED_HEADER
from backend.api.ollama.replies import reply
from backend.api.ollama.requests import Wanted
from backend.core.jobs.records import JobRecord
from backend.core.keys import Caller


def generated(wanted: Wanted, caller: Caller, *, streamed: bool) -> Response:
    """Answer what is wanted, line by line or in one object."""
    asked = wanted.asked
    if not streamed:
        row = answered(wanted, caller)
        headers = serving_headers(row) | ignored_header(wanted.ignored)
        return reply(whole(row, model=asked.model), headers=headers)
    calls = begun([admit(asked, caller)], caller, streamed=True)
    lines = Lines(asked.kind, model=asked.model)
    response = AnswerStream(services(), calls, lines).response()
    response.headers.update(ignored_header(wanted.ignored))
    return response


def answered(wanted: Wanted, caller: Caller) -> JobRecord:
    """Wait for what is wanted."""
    (row,) = answers(begun([admit(wanted.asked, caller)], caller))
    return row


def ignored_header(names: Iterable[str]) -> dict[str, str]:
    """Name what was left out."""
    said = ", ".join(names)
    return {IGNORED_HEADER: said} if said else {}
