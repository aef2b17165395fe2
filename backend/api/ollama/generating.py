"""Answering a chat or a prompt, whole or as a stream."""

from collections.abc import Iterable

from flask import Response, request

from backend.api.calls.call import answers, begin_all
from backend.api.calls.headers import serving_headers
from backend.api.calls.stream import AnswerStream
from backend.api.container import services
from backend.api.ollama.admitting import admit
from backend.api.ollama.answers import Lines, whole
from backend.api.ollama.options import IGNORED_HEADER
from backend.api.ollama.replies import reply
from backend.api.ollama.requests import Wanted
from backend.api.peer import Peer
from backend.core.jobs.records import JobRecord
from backend.core.keys import Caller


def generated(wanted: Wanted, caller: Caller, *, streamed: bool) -> Response:
    """Answer what is wanted, line by line or in one object."""
    asked = wanted.asked
    if not streamed:
        row = answered(wanted, caller)
        headers = serving_headers(row) | ignored_header(wanted.ignored)
        return reply(whole(row, model=asked.model), headers=headers)
    job, peer = admit(asked, caller), Peer(request.environ)
    calls = begin_all(services(), [job], peer, streamed=True)
    lines = Lines(asked.kind, model=asked.model)
    response = AnswerStream(services(), calls, lines).response()
    response.headers.update(ignored_header(wanted.ignored))
    return response


def answered(wanted: Wanted, caller: Caller) -> JobRecord:
    """Wait for what is wanted."""
    job, peer = admit(wanted.asked, caller), Peer(request.environ)
    (row,) = answers(begin_all(services(), [job], peer, streamed=False))
    return row


def ignored_header(names: Iterable[str]) -> dict[str, str]:
    """Name what was left out."""
    said = ", ".join(names)
    return {IGNORED_HEADER: said} if said else {}
