"""What tests of the repository do again and again."""

from typing import Any

from backend.core.db import Database
from backend.core.identifiers import uuid7
from backend.core.jobs.records import (
    AttemptRecord,
    Claimed,
    Handback,
    JobRecord,
    Moved,
    NewJob,
)
from backend.core.jobs.repository.claim import Holder, JobClaim
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.repository.rows import aware
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.states import ErrorCode
from tests.factories import insert

LEASE_MS = 6_000


def claimer(
    database: Database, incarnation: str = "me", lease_ms: int = LEASE_MS
) -> JobClaim:
    return JobClaim(database, Holder(incarnation, "w", "n"), lease_ms=lease_ms)


def transitions(database: Database) -> JobTransition:
    return JobTransition(database, max_failures=3, queue_ms=3_600_000)


def claim_one(
    database: Database, job: NewJob | str, *, lease_ms: int = LEASE_MS
) -> Claimed:
    """Claim this very job, new or committed before."""
    job_id = job if isinstance(job, str) else insert(database, job)[0]
    claim = claimer(database, lease_ms=lease_ms)
    lane = row(database, job_id).lane
    (due,) = [one for one in claim.look(lane, 500) if one.id == job_id]
    (claimed,) = claim.take([due])
    return claimed


def row(database: Database, job_id: str) -> JobRecord:
    found = JobQuery(database).get(job_id)
    assert found is not None
    return found


def column(database: Database, job_id: str, name: str) -> Any:
    def work(cursor: Any) -> Any:
        cursor.execute(f"SELECT {name} FROM jobs WHERE id=%s", (job_id,))
        return cursor.rows()[0][0]

    return database.read(work)


def change(database: Database, job_id: str, assignment: str) -> None:
    """Make a row as time or somebody else would have made it."""
    sql = f"UPDATE jobs SET {assignment} WHERE id=%s"
    database.read(lambda cursor: cursor.execute(sql, (job_id,)))


def past(database: Database, job_id: str, *columns: str) -> None:
    then = database.dialect.later("-1000")
    change(database, job_id, ",".join(f"{name}={then}" for name in columns))


def attempts(database: Database, job_id: str) -> list[tuple[int, str]]:
    def work(cursor: Any) -> list[tuple[int, str]]:
        cursor.execute(
            "SELECT attempt,outcome FROM job_attempts WHERE job_id=%s ORDER BY attempt",
            (job_id,),
        )
        return [(int(attempt), str(outcome)) for attempt, outcome in cursor.rows()]

    return database.read(work)


def attempt(database: Database, job_id: str, *columns: str) -> tuple[Any, ...]:
    """Read when the first attempt began and ended, and these columns."""
    names = ",".join(("started_at", "finished_at", *columns))

    def work(cursor: Any) -> Any:
        cursor.execute(f"SELECT {names} FROM job_attempts WHERE job_id=%s", (job_id,))
        return cursor.rows()[0]

    began, ended, *others = database.read(work)
    return (aware(began), aware(ended), *others)


def handback(
    job: Claimed, *, costs: int = 0, delay_ms: int = 0, tokens: int | None = None
) -> Handback:
    return Handback(
        id=job.id,
        attempt=job.attempt,
        failures=job.failures,
        costs=costs,
        delay_ms=delay_ms,
        reason=ErrorCode.STALLED,
        error='{"code": "stalled"}',
        record=AttemptRecord("stalled" if costs else "handed_back"),
        completion_tokens=tokens,
    )


def hand_back(
    database: Database,
    job: Claimed,
    *,
    costs: int = 0,
    delay_ms: int = 0,
    tokens: int | None = None,
) -> Moved | None:
    back = handback(job, costs=costs, delay_ms=delay_ms, tokens=tokens)
    return transitions(database).hand_back(back)


def foreign_id() -> str:
    """Give the id of a job that is not there."""
    return uuid7()
