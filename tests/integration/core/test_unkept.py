"""What a caller wants nothing kept of is dropped with every end of its job."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from backend.core.db import Database, transaction
from backend.core.jobs.records import NewJob
from backend.core.jobs.repository.finish import JobFinish
from backend.core.jobs.repository.retention import JobRetention
from backend.core.jobs.states import State
from backend.core.models import Job, JobPayload, UnkeptPayload
from tests.factories import HOUR_MS, finish_of, insert, new_job
from tests.integration.core.jobs import (
    change,
    claim_one,
    hand_back,
    past,
    row,
    transitions,
)


def unkept(**over: Any) -> NewJob:
    return new_job(kept=False, original=b'{"store": false}', **over)


def is_gone(database: Database, job_id: str) -> bool:
    with transaction(database.sessions) as session:
        payload = session.get_one(JobPayload, job_id)
        texts = (payload.request, payload.original, payload.result)
    assert (payload.expired_at is not None) is (texts == (None, None, None))
    return payload.expired_at is not None


def marks(database: Database) -> list[str]:
    with transaction(database.sessions) as session:
        return list(session.execute(select(UnkeptPayload.job_id)).scalars())


def sweep(database: Database) -> int:
    return JobRetention(database).drop_payloads(older_than_ms=HOUR_MS)


# The ends that no job has a result with
def finished(state: State) -> Callable[[Database, NewJob], None]:
    def end(database: Database, job: NewJob) -> None:
        finish = finish_of(claim_one(database, job), state=state, result=None)
        assert JobFinish(database)([finish]) != [None]

    return end


def cancelled_while_queued(database: Database, job: NewJob) -> None:
    insert(database, job)
    transitions(database).cancel(job.id)


def cancelled_while_handed_back(database: Database, job: NewJob) -> None:
    claimed = claim_one(database, job)
    transitions(database).cancel(job.id)
    hand_back(database, claimed)


def out_of_tries(database: Database, job: NewJob) -> None:
    claimed = claim_one(database, job)
    change(database, job.id, "failures=3")
    hand_back(database, claimed, costs=1)


def lost_with_its_worker(database: Database, job: NewJob) -> None:
    claim_one(database, job)
    change(database, job.id, "failures=3")
    past(database, job.id, "lease_expires_at")
    transitions(database).recover()


def expired(database: Database, job: NewJob) -> None:
    insert(database, job)
    past(database, job.id, "queue_expires_at")
    transitions(database).expire()


ENDS = [
    finished(State.FAILED),
    finished(State.CANCELLED),
    cancelled_while_queued,
    cancelled_while_handed_back,
    out_of_tries,
    lost_with_its_worker,
    expired,
]


@pytest.mark.parametrize("end", ENDS)
def test_an_end_without_a_result_takes_what_nobody_wants_kept(
    database: Database, end: Callable[[Database, NewJob], None]
) -> None:
    fleeting, usual = unkept(), new_job()

    for job in (fleeting, usual):
        end(database, job)

    assert is_gone(database, fleeting.id)
    assert not is_gone(database, usual.id)
    assert row(database, fleeting.id).payload_expired
    assert sweep(database) == 1
    assert marks(database) == []
    assert not is_gone(database, usual.id)


def test_several_ends_at_once_are_no_different(database: Database) -> None:
    jobs = [unkept(), new_job(), unkept()]
    claimed = [claim_one(database, job) for job in jobs]
    states = (State.FAILED, State.FAILED, State.SUCCEEDED)
    finishes = [
        finish_of(one, state=state) for one, state in zip(claimed, states, strict=True)
    ]

    JobFinish(database)(finishes)

    assert [is_gone(database, job.id) for job in jobs] == [True, False, False]


def test_what_goes_on_is_kept_until_it_has_ended(database: Database) -> None:
    queued, running, again = unkept(), unkept(), unkept()
    insert(database, queued)
    claim_one(database, running)
    transitions(database).cancel(running.id)
    hand_back(database, claim_one(database, again))

    assert sweep(database) == 0
    assert [is_gone(database, j.id) for j in (queued, running, again)] == [False] * 3
    assert row(database, again.id).state is State.QUEUED


def test_a_result_that_nobody_fetched_goes_after_ten_minutes(
    database: Database,
) -> None:
    job = unkept()
    JobFinish(database)([finish_of(claim_one(database, job))])
    assert sweep(database) == 0
    assert not is_gone(database, job.id)
    then = datetime.now(UTC) - timedelta(minutes=11)
    with transaction(database.sessions) as session:
        session.execute(update(Job).values(finished_at=then))

    assert sweep(database) == 1
    assert is_gone(database, job.id)
    assert marks(database) == []


def test_a_job_that_is_deleted_leaves_no_mark(database: Database) -> None:
    job = unkept()
    finished(State.FAILED)(database, job)
    retention = JobRetention(database)
    retention.drop_payload(job.id)

    assert marks(database) == []
