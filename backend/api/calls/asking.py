"""From what a protocol was asked to jobs: the same admission as the native API's."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import g, request

from backend.api.admission import Envelope
from backend.api.bodies import read_json
from backend.api.calls.naming import Names, rename
from backend.api.calls.repeats import key_of_repeats
from backend.api.container import services
from backend.api.hooks import traceparent
from backend.core.errors import AppError, DrainingError
from backend.core.identifiers import uuid7
from backend.core.jobs.records import NewJob
from backend.core.jobs.states import Kind, OnDisconnect, Protocol
from backend.core.keys import Caller

# Separates the keys of a request that becomes several jobs; no caller can send it.
_OF_SEVERAL = "\x1f"
_BY_GOING_ON = {True: OnDisconnect.CONTINUE, False: OnDisconnect.CANCEL}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in the native API's words.

    Args:
        kind: Of the job.
        model: As the caller spelled it.
        request: What the kind needs, in Ollama's names (JOBS.md 6).
        metadata: Texts of the caller's own.
        original: JSON of what the caller sent, where it has to be told again.
        kept: Whether request and answer stay for as long as all others.
        goes_on: Whether the job goes on when its caller is gone.
        names: How the caller calls the fields of the native request.
    """

    kind: Kind
    model: str
    request: dict[str, Any] = field(repr=False)
    metadata: dict[str, str] | None = None
    original: bytes | None = field(default=None, repr=False)
    kept: bool = True
    goes_on: bool = False
    names: Names = field(default=(), repr=False)


def sent_body(*, any_type: bool = False) -> Any:  # whatever JSON can hold
    """Read the body once, however often the request is looked at.

    Args:
        any_type: Whether the protocol takes JSON under any content type.
    """
    if services().draining.is_set():
        raise DrainingError(retry_after=1)
    if "body" not in g:
        g.body = read_json(any_type=any_type)
    return g.body


def admitted(asked: Asked, caller: Caller, protocol: Protocol) -> NewJob:
    """Make a job of a request.

    Raises:
        AppError: Why it is none; its fields are named as the caller knows them.
    """
    sent = sent_body()
    key = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        key = key_of_repeats(caller, sent)
    # Whoever sends a key means to ask again if the connection breaks.
    goes_on = asked.goes_on or key is not None
    body = {
        "kind": asked.kind.value,
        "model": asked.model,
        "request": asked.request,
        "on_disconnect": _BY_GOING_ON[goes_on].value,
        "metadata": asked.metadata,
    }
    envelope = Envelope(
        request_id=g.request_id,
        traceparent=traceparent(),
        idempotency_key=key,
        protocol=protocol,
        sent=[request.path, sent],
        original=asked.original,
        kept=asked.kept,
    )
    try:
        return services().admission.admit(body, caller, envelope)
    except AppError as error:
        rename(error, asked.names)
        raise


def several(jobs: Sequence[NewJob], times: int) -> list[NewJob]:
    """Give the jobs of one request, each so many times, each as a job of its own."""
    every = (job for job in jobs for _ in range(times))
    return [_numbered(job, number) for number, job in enumerate(every)]


def _numbered(job: NewJob, number: int) -> NewJob:
    if number == 0:
        return job
    key = job.idempotency_key
    return replace(
        job,
        id=uuid7(),
        idempotency_key=None if key is None else _numbered_key(key, number),
    )


def _numbered_key(key: str, number: int) -> str:
    """Derive a key of its own, no longer than any may be."""
    named = f"{key}{_OF_SEVERAL}{number}".encode()
    return _OF_SEVERAL + hashlib.sha256(named).hexdigest()
