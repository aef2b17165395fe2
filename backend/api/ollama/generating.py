"""Answering what is wanted of a model, whole or as a stream."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Response

from backend.api.calls import telling
from backend.api.ollama.admitting import admit
from backend.api.ollama.answers import Lines, whole
from backend.api.ollama.options import IGNORED_HEADER
from backend.api.ollama.replies import reply
from backend.api.ollama.requests import Translation
from backend.core.jobs.records import JobRecord
from backend.core.keys import Caller


def generated(wanted: Translation, caller: Caller, *, streamed: bool) -> Response:
    """Answer a chat or a prompt, line by line or in one object."""
    asked = wanted.asked
    if not streamed:
        return answered(wanted, caller, lambda row: whole(row, model=asked.model))
    response = telling.streamed(
        [admit(asked, caller)], lambda _: Lines(asked.kind, model=asked.model)
    )
    response.headers.update(ignored_header(wanted.ignored))
    return response


def answered(
    wanted: Translation, caller: Caller, write: Callable[[JobRecord], Any]
) -> Response:
    """Answer in one object."""
    jobs = [admit(wanted.asked, caller)]
    response = telling.told(jobs, lambda rows: write(rows[0]), reply=reply)
    response.headers.update(ignored_header(wanted.ignored))
    return response


def ignored_header(names: Iterable[str]) -> dict[str, str]:
    """Name what was left out."""
    said = ", ".join(names)
    return {IGNORED_HEADER: said} if said else {}
