"""What is limited, held: reserved at admission, settled when the job has ended.

A reservation is made before its job's INSERT and named after it. Whoever ends the job
settles it after the COMMIT; what a crash leaves between the two, reconciliation finds.
Keys without limits, whose users have none either, come here never.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import redis
import structlog

from backend.core.errors import QueueUnavailableError
from backend.core.group_commit import GroupCommit, step_back
from backend.core.jobs.records import Finish, JobRecord, Moved
from backend.core.jobs.states import FINAL
from backend.core.limits import scripts
from backend.core.limits.decision import (
    Allowance,
    Balance,
    Demand,
    Hindrance,
    Standing,
    Subject,
    Whose,
    hindrance,
)
from backend.core.redis_client import KeptConnections

log = structlog.get_logger()

# From then on reconciliation asks what became of a job; most have ended by themselves.
LOOK_AFTER_MS = 10_000
_RETRY_SECONDS = 5
_NAMES = {Whose.KEY: "", Whose.USER: "u"}
_NUMBERS = len(fields(Standing))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a reservation was made, and how those stand whom it binds."""

    balances: tuple[Balance, ...]
    hindrance: Hindrance | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A job that has ended, and the tokens that it really took."""

    lineage_id: int
    job_id: str
    tokens: int = 0
    # Its job was never accepted: it counts as no request either.
    never: bool = False


@dataclass(frozen=True, slots=True)
class Open:
    """A reservation whose job has not ended as far as Redis knows."""

    lineage_id: int
    job_id: str
    age_ms: int


class Reservations:
    """The steps on reservations; each is one atomic round trip."""

    def __init__(self, connections: KeptConnections) -> None:
        """Keep the connections of all threads."""
        self._connections = connections
        # Callers that come together share a round trip.
        self._asks: GroupCommit[Sequence[Any], list[int]] = GroupCommit(
            partial(self._evaluate, scripts.RESERVE), gather=step_back
        )

    def reserve(self, allowance: Allowance, costs: Mapping[str, int]) -> Verdict:
        """Reserve a request, its tokens and a place for each job, or nothing.

        Args:
            allowance: Of their caller.
            costs: The tokens that each may use, by its id.

        Raises:
            QueueUnavailableError: If Redis cannot be asked.
        """
        admitted, balances = self._ask(allowance.subjects, costs)
        if admitted:
            return Verdict(balances, None)
        demand = Demand(sum(costs.values()), len(costs))
        return Verdict(balances, hindrance(balances, demand))

    def standing(self, subject: Subject) -> Standing:
        """Tell what is used now.

        Raises:
            QueueUnavailableError: If Redis cannot be asked.
        """
        _, (balance,) = self._ask([subject], {})
        return balance.standing

    def _ask(
        self, subjects: Sequence[Subject], costs: Mapping[str, int]
    ) -> tuple[bool, tuple[Balance, ...]]:
        asked = (value for pair in costs.items() for value in pair)
        named = [value for subject in subjects for value in _values(subject)]
        try:
            admitted, *numbers = self._asks((len(costs), LOOK_AFTER_MS, *asked, *named))
        except redis.RedisError as error:
            raise QueueUnavailableError(retry_after=_RETRY_SECONDS) from error
        found = zip(*[iter(map(int, numbers))] * _NUMBERS, strict=True)
        return bool(admitted), tuple(
            Balance(subject, Standing(*one))
            for subject, one in zip(subjects, found, strict=True)
        )

    def release(self, lineage_id: int, job_ids: Iterable[str]) -> None:
        """Undo the reservations of jobs that were not accepted."""
        self.settle([Settlement(lineage_id, one, never=True) for one in job_ids])

    def settle(self, settlements: Sequence[Settlement]) -> int:
        """Charge what ended jobs took, give back the rest; tells how many were open.

        Never fails its caller: what Redis does not take, reconciliation finds.
        """
        if not settlements:
            return 0
        values = [
            value
            for one in settlements
            for value in (one.lineage_id, one.job_id, one.tokens, int(one.never))
        ]
        try:
            return int(self._evaluate(scripts.SETTLE, [values])[0])
        except redis.RedisError as error:
            jobs = [one.job_id for one in settlements]
            log.warning("reservations_unsettled", job_ids=jobs, error=str(error))
            return 0

    def settle_moved(self, job: Moved) -> None:
        """Give back what a job held that ended without an answer, less what it took."""
        if job.limits_id is not None and job.state in FINAL:
            tokens = job.completion_tokens or 0
            self.settle([Settlement(job.limits_id, job.id, tokens)])

    def due(self, limit: int) -> list[Open]:
        """List reservations that nobody has settled for a while.

        Raises:
            redis.RedisError: If Redis cannot be asked.
        """
        (told,) = self._evaluate(scripts.DUE, [[limit]])
        names, ages = told[::2], told[1::2]
        return [_open(name, age) for name, age in zip(names, ages, strict=True)]

    def postpone(self, held: Iterable[Open]) -> None:
        """Look at these again later: their jobs are under way.

        Raises:
            redis.RedisError: If Redis cannot be asked.
        """
        names = [f"{one.lineage_id}:{one.job_id}" for one in held]
        self._evaluate(scripts.POSTPONE, [[LOOK_AFTER_MS, *names]])

    def _evaluate(self, script: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """Run a script with the values of each call, whatever it replies."""
        written = [(0, *values) for values in calls]
        try:
            return self._connections.evaluate_all(script, written)
        except redis.ConnectionError:
            # A connection of before a restart says nothing about Redis now; each step
            # may be repeated.
            return self._connections.evaluate_all(script, written)


def _values(subject: Subject) -> tuple[Any, ...]:
    limits = subject.limits
    most = (limits.rpm, limits.tpm, limits.daily_tokens, limits.max_concurrency)
    name = f"{_NAMES[subject.whose]}{subject.id}"
    return name, *("" if limit is None else limit for limit in most)


def tokens_of(job: JobRecord | Finish) -> int:
    """Tell what a job really took, as far as anybody counted."""
    return (job.prompt_tokens or 0) + (job.completion_tokens or 0)


def _open(name: bytes, age_ms: int) -> Open:
    lineage_id, _, job_id = name.decode().partition(":")
    return Open(int(lineage_id), job_id, age_ms)
