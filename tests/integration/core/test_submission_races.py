"""JOBS.md 27: two posts under one key, while the key changes hands."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from backend.core.db import Database
from backend.core.errors import IdempotencyConflictError
from backend.core.jobs.commit import Accepted, JobCommit
from backend.core.jobs.records import JobRecord, NewJob
from backend.core.jobs.repository.insert import DUPLICATE
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.states import State
from tests.factories import insert, new_job
from tests.integration.core.jobs import change, row
from tests.stack import Stack

KEY = {"idempotency_key": "once", "body_hash": "h"}
Then = Callable[[], object]
Commit = Callable[[Sequence[NewJob]], list[Accepted]]


@pytest.fixture
def stack(
    maria: Database, database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[Stack]:
    nowhere = "http://nobody.invalid"
    urls = {"database_url": database_url, "redis_url": redis_url}
    with Stack(tmp_path, ollama_url=nowhere, **urls) as stack:
        yield stack


class Looking(JobQuery):
    """Does something before its first look for a key."""

    def __init__(self, database: Database, *then: Then) -> None:
        super().__init__(database)
        self._then = list(then)

    def by_idempotency_key(self, owner_id: int, key: str) -> JobRecord | None:
        if self._then:
            self._then.pop(0)()
        return super().by_idempotency_key(owner_id, key)


def freed(database: Database, job_id: str) -> None:
    """Let a key be used again, as retention does."""
    change(database, job_id, "idempotency_key=NULL")


def test_a_key_that_is_freed_as_it_is_looked_for_is_the_next_ones(
    stack: Stack, maria: Database
) -> None:
    (first,) = insert(maria, new_job(**KEY))
    stack.service._query = Looking(maria, lambda: freed(maria, first))
    job = new_job(**KEY)

    found = stack.service.submit(job)

    assert (found.job_id, found.is_new) == (job.id, True)


class Committing:
    """Does something before, or instead of, the second commit."""

    def __init__(
        self, commit: JobCommit, second: Callable[..., list[Accepted]]
    ) -> None:
        self._ways: list[Commit] = [commit, second, commit]

    def __call__(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        return self._ways.pop(0)(jobs)


def test_a_key_that_another_takes_as_it_is_freed_is_the_others(
    stack: Stack, maria: Database
) -> None:
    (first,) = insert(maria, new_job(**KEY))
    service, other, job = stack.service, new_job(**KEY), new_job(**KEY)
    service._query = Looking(maria, lambda: freed(maria, first))
    commit = service._commit

    def too_late(jobs: Sequence[NewJob]) -> list[Accepted]:
        insert(maria, other)
        return commit(jobs)

    service._commit = Committing(commit, too_late)  # type: ignore[assignment]  # a late one

    found = service.submit(job)

    assert (found.job_id, found.is_new) == (other.id, False)
    assert JobQuery(maria).get(job.id) is None


def test_a_job_that_was_committed_for_anothers_is_that_one(
    stack: Stack, maria: Database
) -> None:
    (first,) = insert(maria, new_job(**KEY))
    service, other, job = stack.service, new_job(**KEY), new_job(**KEY)
    service._query = Looking(maria, lambda: freed(maria, first))
    commit = service._commit

    def beside_another(jobs: Sequence[NewJob]) -> list[Accepted]:
        return commit._commit([[other], jobs])[1]

    service._commit = Committing(commit, beside_another)  # type: ignore[assignment]  # a joined one

    found = service.submit(job)

    assert (found.job_id, found.is_new) == (other.id, False)
    assert row(maria, other.id).state is State.QUEUED
    assert JobQuery(maria).get(job.id) is None


def test_another_body_is_a_conflict_however_it_was_found(
    stack: Stack, maria: Database
) -> None:
    other = new_job(idempotency_key="once", body_hash="another")
    job = new_job(**KEY)
    commit: JobCommit = stack.service._commit

    def beside_another(jobs: Sequence[NewJob]) -> list[Accepted]:
        return commit._commit([[other], jobs])[1]

    stack.service._commit = beside_another  # type: ignore[assignment]  # a joined one

    with pytest.raises(IdempotencyConflictError):
        stack.service.submit(job)


def test_of_a_request_that_is_a_conflict_nothing_is_committed(
    stack: Stack, maria: Database
) -> None:
    other = new_job(idempotency_key="once", body_hash="another")
    jobs = [new_job(**KEY), new_job(idempotency_key="once more", body_hash="h")]
    commit: JobCommit = stack.service._commit

    def beside_another(jobs: Sequence[NewJob]) -> list[Accepted]:
        return commit._commit([[other], jobs])[1]

    stack.service._commit = beside_another  # type: ignore[assignment]  # a joined one

    with pytest.raises(IdempotencyConflictError):
        stack.service.submit_all(jobs)
    assert [JobQuery(maria).get(job.id) for job in jobs] == [None, None]


def test_a_row_that_is_refused_for_another_reason_is_no_repeat(
    stack: Stack, maria: Database
) -> None:
    (there,) = insert(maria, new_job())

    with pytest.raises(DUPLICATE):
        stack.service.submit(new_job(id=there))


def test_jobs_of_one_request_are_committed_together_or_not_at_all(
    stack: Stack, maria: Database
) -> None:
    (there,) = insert(maria, new_job())
    good = [new_job(), new_job()]

    with pytest.raises(DUPLICATE):
        stack.service.submit_all([*good, new_job(id=there)])
    assert [JobQuery(maria).get(job.id) for job in good] == [None, None]


def test_what_of_a_request_is_there_already_is_found_and_the_rest_is_new(
    stack: Stack, maria: Database
) -> None:
    jobs = [new_job(idempotency_key=f"k{n}", body_hash="h") for n in range(3)]
    insert(maria, jobs[1])
    again = [new_job(idempotency_key=f"k{n}", body_hash="h") for n in range(3)]

    found = stack.service.submit_all(again)

    assert [one.is_new for one in found] == [True, False, True]
    assert [one.job_id for one in found] == [again[0].id, jobs[1].id, again[2].id]
