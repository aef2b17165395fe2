"""Jobs of one request, begun and told to their caller: whole, or as they grow."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from flask import Response, request

from backend.api.answers import answer
from backend.api.calls.call import Call, answers, begin_all
from backend.api.calls.headers import serving_headers
from backend.api.calls.stream import AnswerStream, Writer
from backend.api.container import services
from backend.api.delivery import drop, once_sent
from backend.api.peer import Peer
from backend.core.jobs.records import JobRecord, NewJob

# What a protocol makes of jobs that have succeeded: whatever JSON can hold.
Write = Callable[[Sequence[JobRecord]], Any]
Reply = Callable[[Any], Response]


def told(
    jobs: Sequence[NewJob],
    write: Write,
    *,
    reply: Reply | None = None,
) -> Response:
    """Answer when all jobs have ended.

    Args:
        jobs: To be submitted.
        write: Makes the answer of them.
        reply: Makes the response of that; plain JSON if it is left out.

    Raises:
        AppError: Why there is no answer.
    """
    rows, kept = answers(begun(jobs)), _kept(jobs)
    with ExitStack() as undo:
        for row in rows:
            undo.callback(drop, services(), row.id, kept=kept)
        response = (reply or answer)(write(rows))
        undo.pop_all()
    response.headers.update(serving_headers(rows[0]))
    first, *others = (row.id for row in rows)
    return once_sent(services(), first, response, *others, kept=kept)


def streamed(
    jobs: Sequence[NewJob],
    writer: Callable[[Sequence[Call]], Writer],
    *,
    at_once: bool = False,
) -> Response:
    """Answer as the jobs are answered.

    Args:
        jobs: To be submitted.
        writer: Makes how their answers are written.
        at_once: Whether the head does not wait for the first word.

    Raises:
        AppError: If there will be no answer.
    """
    calls = begun(jobs, streamed=True)
    stream = AnswerStream(
        services(), calls, writer(calls), at_once=at_once, kept=_kept(jobs)
    )
    return stream.response()


def _kept(jobs: Sequence[NewJob]) -> bool:
    return all(job.kept for job in jobs)


def begun(jobs: Sequence[NewJob], *, streamed: bool = False) -> list[Call]:
    """Submit jobs for the caller of this request, who waits for all of them.

    Raises:
        AppError: Why one was not accepted; those before it are stopped.
    """
    return begin_all(services(), jobs, Peer(request.environ), streamed=streamed)
