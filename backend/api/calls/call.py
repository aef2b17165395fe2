"""A call: one job, and its caller who waits for it to be answered.

The compatible APIs know no jobs. What they are asked becomes one all the same, so it is
queued, run, ended and counted like any other; the call is the caller's end of it.
"""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial

from backend.api.accepting import accept
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
from backend.core.streams.mailbox import Mailbox

# No call waits longer than its job lives; this only bounds one wait.
_FOR_EVER_SECONDS = 10.0 * 365 * 86_400


class Call:
    """An accepted job and the mailbox in which its caller hears of it."""

    def __init__(
        self, services: Services, box: Mailbox, row: JobRecord, peer: Peer, *, new: bool
    ) -> None:
        """Keep them; `new` says that the mailbox is older than the job."""
        self._services = services
        self._box = box
        self._new = new
        self._patience = Patience(
            services.draining, drain_ms=services.settings.api_drain_timeout
        )
        self.row = row
        self._opened = ExitStack()
        self.presence = Presence(
            services, row.id, peer, on_disconnect=row.on_disconnect
        )

    @classmethod
    def begin(
        cls,
        services: Services,
        job: NewJob,
        peer: Peer,
        *,
        streamed: bool,
    ) -> "Call":
        """Submit a job, or attach to the one that was submitted under its key.

        Raises:
            AppError: Why it was not accepted.
        """
        open_mailbox = partial(services.jobs.mailbox, only_end=not streamed)
        with ExitStack() as opened:
            box = opened.enter_context(open_mailbox(job.id))
            submission = accept(services, job)
            row = just_submitted(job)
            if not submission.is_new:
                opened.close()
                box = opened.enter_context(open_mailbox(submission.job_id))
                row = services.reads.require(submission.job_id, job.owner_id)
                if row.state is State.SUCCEEDED and row.payload_expired:
                    raise PayloadExpiredError
            call = cls(services, box, row, peer, new=submission.is_new)
            call._opened = opened.pop_all()
        return call

    @classmethod
    def watch(cls, services: Services, job_id: str, peer: Peer) -> "Call":
        """Listen to a job that is there; the watcher's leaving means nothing to it.

        Raises:
            AppError: If it is there no more.
        """
        with ExitStack() as opened:
            box = opened.enter_context(services.jobs.mailbox(job_id))
            found = services.reads.require(job_id, None)
            row = replace(found, on_disconnect=OnDisconnect.CONTINUE)
            call = cls(services, box, row, peer, new=False)
            call._opened = opened.pop_all()
        return call

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
    """Begin calls that are accepted together, or none of them.

    Raises:
        AppError: Why one was not accepted; those before it are stopped.
    """
    begun: list[Call] = []
    with ExitStack() as undo:
        undo.callback(_give_up, begun)
        begun.extend(Call.begin(services, job, peer, streamed=streamed) for job in jobs)
        undo.pop_all()
    return begun


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
