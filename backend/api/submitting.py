"""Submitting a job: the mailbox first, then the INSERT, then the answer.

After the COMMIT the answer is never an error: what can no longer be read is told from
what was submitted.
"""

from contextlib import ExitStack
from http import HTTPStatus

import structlog
from flask import Response

from backend.api.accepting import accept
from backend.api.answers import answer
from backend.api.calls.headers import serving_headers
from backend.api.container import Services
from backend.api.delivery import once_sent
from backend.api.job_view import location, view
from backend.api.peer import Peer
from backend.api.presence import LOOK_SECONDS, Presence
from backend.api.sse import EventStream, stream_response
from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.records import JobRecord, NewJob, just_submitted
from backend.core.jobs.repository.rows import heard
from backend.core.jobs.service import Submission
from backend.core.jobs.states import FINAL, State
from backend.core.streams.mailbox import Mailbox

log = structlog.get_logger()


class WaitOverError(Exception):
    """The server stops, so nobody waits here any longer."""


class Submitter:
    """Submits for one caller and answers as it wished."""

    def __init__(self, services: Services, peer: Peer) -> None:
        """Keep where the caller is."""
        self._services = services
        self._jobs = services.jobs
        self._peer = peer

    def accept(self, job: NewJob) -> Response:
        """Answer as soon as the job is committed."""
        return self._accepted(job, self._submit(job), {})

    def wait(self, job: NewJob, *, seconds: int) -> Response:
        """Answer with the finished job, or that it was accepted when time is over."""
        limit = min(seconds, self._services.settings.max_wait / 1000)
        applied = {"Preference-Applied": f"wait={int(limit)}"}
        with self._jobs.mailbox(job.id, only_end=True) as box:
            submission = self._submit(job)
            if submission.is_new:
                ended = self._ended(box, job, limit)
            else:
                ended = self._other_ended(submission.job_id, job, limit)
        told = None if box.row is None else heard(box.row)
        if ended and (row := told or self._read(submission.job_id)) is not None:
            headers = applied | _located(row.id) | serving_headers(row)
            response = answer(view(row), HTTPStatus.OK, headers)
            return once_sent(self._services, row.id, response)
        return self._accepted(job, submission, applied)

    def stream(self, job: NewJob) -> Response:
        """Answer with the job's events, at once."""
        with ExitStack() as opened:
            box = opened.enter_context(self._jobs.mailbox(job.id))
            submission = self._submit(job)
            if submission.is_new:
                events = self._events(box, job, submission, opened)
            else:
                events = self._other_events(submission.job_id)
        return stream_response(events, _located(submission.job_id))

    def _submit(self, job: NewJob) -> Submission:
        return accept(self._services, job)

    # Waiting
    def _ended(self, box: Mailbox, job: NewJob | JobRecord, seconds: float) -> bool:
        presence = self._presence(job)

        def look() -> None:
            presence.look()
            if self._services.draining.is_set():
                raise WaitOverError

        try:
            with presence:
                return self._jobs.wait(
                    box, timeout_seconds=seconds, look=look, look_seconds=LOOK_SECONDS
                )
        except WaitOverError:
            pass
        return False

    def _other_ended(self, job_id: str, job: NewJob, seconds: float) -> bool:
        with self._jobs.mailbox(job_id, only_end=True) as box:
            row = self._services.reads.require(job_id, job.owner_id)
            return row.state in FINAL or self._ended(box, row, seconds)

    def _presence(self, job: NewJob | JobRecord) -> Presence:
        return Presence(
            self._services, job.id, self._peer, on_disconnect=job.on_disconnect
        )

    # Streaming
    def _events(
        self, box: Mailbox, job: NewJob, submission: Submission, opened: ExitStack
    ) -> EventStream:
        return EventStream(
            self._services,
            box,
            just_submitted(job),
            self._presence(job),
            opened=opened,
            is_new=True,
            position=1 if submission.handed_over else None,
        )

    def _other_events(self, job_id: str) -> EventStream:
        with ExitStack() as opened:
            box = opened.enter_context(self._jobs.mailbox(job_id))
            row = self._services.reads.require(job_id, None)
            presence = self._presence(row)
            return EventStream(self._services, box, row, presence, opened=opened)

    # Answering
    def _accepted(
        self, job: NewJob, submission: Submission, headers: dict[str, str]
    ) -> Response:
        row, position = self._standing(job, submission)
        eta = self._services.forecast.eta_seconds(row.model, position)
        shown = view(row, position=position, eta_seconds=eta)
        headers = headers | _located(row.id)
        if row.state not in FINAL:
            return answer(shown, HTTPStatus.ACCEPTED, headers)
        response = answer(shown, HTTPStatus.OK, headers | serving_headers(row))
        return once_sent(self._services, row.id, response)

    def _standing(
        self, job: NewJob, submission: Submission
    ) -> tuple[JobRecord, int | None]:
        if submission.handed_over:
            return just_submitted(job), 1
        row = self._read(submission.job_id)
        if row is None:
            return just_submitted(job), None
        return row, self._place(row)

    def _place(self, row: JobRecord) -> int | None:
        if row.state is not State.QUEUED:
            return None
        try:
            return self._services.reads.place(row.id)
        except DatabaseUnavailableError:
            return None

    def _read(self, job_id: str) -> JobRecord | None:
        try:
            return self._services.reads.outcome(job_id)
        except DatabaseUnavailableError:
            log.warning("accepted_job_unread", job_id=job_id)
            return None


def _located(job_id: str) -> dict[str, str]:
    return {"Location": location(job_id)}
