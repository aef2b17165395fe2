"""A caller that listens to a job: whether it is there, and what its leaving means."""

import time
from types import TracebackType
from typing import Self

from backend.api.container import Services
from backend.api.peer import Peer
from backend.core.errors import AppError
from backend.core.jobs.states import OnDisconnect

# How often the caller's socket is looked at (JOBS.md 23).
LOOK_SECONDS = 0.5


class CallerVanishedError(Exception):
    """The caller closed its connection while it was served."""


class Presence:
    """Counts a caller in while it is served, and out by how it left."""

    def __init__(
        self,
        services: Services,
        job_id: str,
        peer: Peer,
        *,
        on_disconnect: OnDisconnect,
    ) -> None:
        """Take the job and the caller's connection."""
        self._services = services
        self._job_id = job_id
        self._peer = peer
        self._matters = on_disconnect is OnDisconnect.CANCEL
        self._member: str | None = None
        self._looked_at = time.monotonic()

    def __enter__(self) -> Self:
        """Begin to serve the caller."""
        return self

    def attach(self) -> None:
        """Count the caller in, where it matters to the job."""
        if self._matters and self._member is None:
            self._member = self._services.attachments.attach(self._job_id)

    def look(self) -> None:
        """Look at the caller, at most every half second.

        Raises:
            CallerVanishedError: If it is gone.
        """
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        self.attach()
        if self._peer.is_gone():
            raise CallerVanishedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Count the caller out; its vanishing is no error of anybody's."""
        vanished = isinstance(error, CallerVanishedError)
        if self._matters and (vanished or self._was_cut(error)):
            self.vanish()
        elif self._member is not None:
            self._services.attachments.detach(self._member)
        return vanished

    def _was_cut(self, error: BaseException | None) -> bool:
        # The server closes a stream whose write failed, and also when it is killed;
        # only in the first case is the caller gone.
        return isinstance(error, GeneratorExit) and self._peer.is_gone()

    def vanish(self) -> None:
        """Count the caller out because it is gone; the last one stops the job."""
        self.attach()
        member = self._member
        if member is None or not self._services.attachments.vanish(member):
            return
        try:
            self._services.jobs.stop(self._job_id)
        except AppError:
            # It has ended, or the database is away: then its worker goes on.
            return
