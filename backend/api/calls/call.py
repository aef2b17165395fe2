"""A call: one job, and its caller who waits for it to be answered.

The compatible APIs know no jobs. What they are asked becomes one all the same, so it is
queued, run, ended and counted like any other; the call is the caller's end of it.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

from backend.api.accepting import accept_all
from backend.api.calls.failure import JobCancelledError, failure
from backend.api.calls.patience import Patience
from backend.api.calls.relay import Relay
from backend.api.container import Services
from backend.api.peer import Peer
from backend.api.presence import LOOK_SECONDS, Presence
from backend.core.errors import (
    AppError,
    DatabaseUnavailableError,
    DrainingError,
    PayloadExpiredError,
)
from backend.core.jobs.records import JobRecord, NewJob, just_submitted
from backend.core.jobs.repository.rows import heard
from backend.core.jobs.states import FINAL, OnDisconnect, State
from backend.core.streams.follow import Follower

# No call waits longer than its job lives; this only bounds one wait.
_FOR_EVER_SECONDS = 10.0 * 365 * 86_400


class Call:
    """A job and the mailbox in which its caller hears of it."""

    row: JobRecord
    presence: Presence

    def __init__(self, services: Services, peer: Peer, *, streamed: bool) -> None:
        """Keep where the caller is, and whether it hears more than the end."""
        self._services = services
        self._peer = peer
        self._streamed = streamed
        self._patience = Patience(
            services.draining, drain_ms=services.settings.api_drain_timeout
        )
        self._opened = ExitStack()

    @classmethod
    def prepare(
        cls, services: Services, job: NewJob, peer: Peer, *, streamed: bool
    ) -> "Call":
        """Listen to a job that is about to be submitted."""
        call = cls(services, peer, streamed=streamed)
        call._listen_to(job.id)
        call._take(just_submitted(job), new=True)
        return call

    @classmethod
    def watch(cls, services: Services, job_id: str, peer: Peer) -> "Call":
        """Listen to a job that is there; the watcher's leaving means nothing to it.

        Raises:
            AppError: If it is there no more.
        """
        call = cls(services, peer, streamed=True)
        with ExitStack() as undo:
            undo.callback(call.close)
            call._listen_to(job_id)
            found = services.reads.require(job_id, None)
            row = replace(found, on_disconnect=OnDisconnect.CONTINUE)
            call._take(row, new=False)
            undo.pop_all()
        return call

    def attach_to(self, job_id: str) -> None:
        """Listen to the job that was there under this one's key.

        Raises:
            AppError: If it is there no more, or its answer is not kept.
        """
        self.close()
        self._listen_to(job_id)
        row = self._services.reads.require(job_id, self.row.owner_id)
        if row.state is State.SUCCEEDED and row.payload_expired:
            raise PayloadExpiredError
        self._take(row, new=False)

    def _listen_to(self, job_id: str) -> None:
        mailbox = self._services.jobs.mailbox(job_id, only_end=not self._streamed)
        self._box = self._opened.enter_context(mailbox)

    def _take(self, row: JobRecord, *, new: bool) -> None:
        self.row = row
        self._new = new
        self.presence = Presence(
            self._services, row.id, self._peer, on_disconnect=row.on_disconnect
        )

    def answer(self) -> JobRecord:
        """Wait for the job's end, and give its row with its result.

        Raises:
            AppError: Why there is no answer.
        """
        try:
            with self.presence:
                self.attend()
                self.row = self._ended()
                error = failure(self.row.state, self.row.error)
                if error is not None:
                    raise error
                return self.row
            # The presence let a vanished caller pass: nobody reads this.
            raise JobCancelledError
        finally:
            self.close()

    def _ended(self) -> JobRecord:
        if self.row.state in FINAL:
            return self.row
        self._services.jobs.wait(
            self._box,
            timeout_seconds=_FOR_EVER_SECONDS,
            look=self.look,
            look_seconds=LOOK_SECONDS,
        )
        if self._box.row is not None:
            return heard(self._box.row)
        row = self._services.reads.outcome(self.row.id)
        if row is None:
            raise DatabaseUnavailableError
        return row

    def attend(self) -> None:
        """Count the caller in at once where others may listen to the same job."""
        if self.row.idempotency_key is not None:
            self.presence.attach()

    def look(self) -> None:
        """Look whether the caller is there, and the server may go on.

        Raises:
            CallerVanishedError, DrainingError: If not.
        """
        self.presence.look()
        self._patience.check()

    def relay(self, *, look_seconds: float = LOOK_SECONDS) -> Relay:
        """Follow the answer as it grows, from its beginning."""
        return Relay(
            Follower(
                self.row,
                self._box,
                record=self._services.record,
                read_job=self._services.reads.get,
                look_seconds=look_seconds,
                is_new=self._new,
            )
        )

    def abandon(self) -> None:
        """Stop the job, as its answer is of no use any more, unless it shall go on."""
        if self.row.on_disconnect is OnDisconnect.CANCEL:
            # It has ended, or the database is away: then its worker goes on.
            with suppress(AppError):
                self._services.jobs.stop(self.row.id)

    def close(self) -> None:
        """Stop listening."""
        self._opened.close()


def begin_all(
    services: Services,
    jobs: Sequence[NewJob],
    peer: Peer,
    *,
    streamed: bool,
) -> list[Call]:
    """Submit jobs together, or attach to those that were submitted under their keys.

    Raises:
        AppError: Why they were not accepted, or have no answer: none is under way.
    """
    with ExitStack() as undo:
        calls = [
            undo.enter_context(
                closing(Call.prepare(services, job, peer, streamed=streamed))
            )
            for job in jobs
        ]
        submissions = accept_all(services, jobs)
        undo.callback(abandon, calls)
        for call, submission in zip(calls, submissions, strict=True):
            if not submission.is_new:
                call.attach_to(submission.job_id)
        undo.pop_all()
    return calls


def answers(calls: Sequence[Call]) -> list[JobRecord]:
    """Wait for the ends of all jobs.

    Raises:
        AppError: Why one has no answer; the others are stopped, unless it is only that
            this server stops.
    """
    with ExitStack() as undo:
        undo.callback(_give_up, calls)
        try:
            rows = [call.answer() for call in calls]
        except DrainingError:
            undo.pop_all()
            _close(calls)
            raise
        undo.pop_all()
    return rows


def _give_up(calls: Sequence[Call]) -> None:
    abandon(calls)
    _close(calls)


def _close(calls: Sequence[Call]) -> None:
    for call in calls:
        call.close()


def abandon(calls: Sequence[Call]) -> None:
    """Stop the jobs whose answers nobody can use any more, but those that go on."""
    for call in calls:
        call.abandon()
