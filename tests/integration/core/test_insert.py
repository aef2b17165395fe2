"""JOBS.md 1, 8, 10: accepting jobs."""

from collections.abc import Sequence
from typing import Any

import pytest

from backend.core.credential import CallerChangedError
from backend.core.db import ConnectionLostError, Database
from backend.core.errors import DatabaseUnavailableError
from backend.core.hot_cursor import HotCursor
from backend.core.jobs.repository.insert import DUPLICATE, JobInsert
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.states import Priority, State
from backend.core.key_registry import KeyRegistry
from backend.core.keys import Keys, Scope
from tests.factories import HOUR_MS, insert, new_job
from tests.integration.core.jobs import claim_one, column, row


def writer(database: Database) -> JobInsert:
    return JobInsert(database, head_start=1_000)


def ranks(database: Database, ids: Sequence[str]) -> list[int]:
    return [row(database, job_id).queue_rank for job_id in ids]


def test_a_committed_job_is_queued_with_its_payload(database: Database) -> None:
    job = new_job(
        metadata='{"a": 1}', request_id="r", idempotency_key="k", body_hash="h"
    )
    writer(database)([job])

    found = row(database, job.id)
    assert found.state is State.QUEUED
    assert (found.attempt, found.failures) == (0, 0)
    assert found.request == {
        "messages": [{"role": "user", "content": "Say something."}]
    }
    assert (found.metadata, found.request_id) == ({"a": 1}, "r")
    assert found.result is None
    assert not found.payload_expired


def test_nothing_waits_longer_than_its_deadline(database: Database) -> None:
    job = new_job(queue_ms=HOUR_MS, deadline_ms=1_000)
    writer(database)([job])

    expires = column(database, job.id, "queue_expires_at")
    assert expires == column(database, job.id, "deadline_at")


def test_rule_8_a_batch_is_ranked_per_owner_and_lane(database: Database) -> None:
    jobs = [
        new_job(owner_id=1),
        new_job(owner_id=1),
        new_job(owner_id=2),
        new_job(owner_id=1, model="other:latest"),
        new_job(owner_id=2, priority=Priority.HIGH),
        new_job(owner_id=3, priority=Priority.LOW),
    ]
    writer(database)(jobs)

    assert ranks(database, [job.id for job in jobs]) == [
        -1_000,
        -900,
        -1_000,
        -1_000,
        -1_900,
        0,
    ]


def test_rule_8_the_lane_stands_where_its_newest_running_job_started(
    database: Database,
) -> None:
    first, second = insert(database, new_job(owner_id=1), new_job(owner_id=1))
    claim_one(database, first)
    claim_one(database, second)
    (late,) = insert(database, new_job(owner_id=2))

    assert column(database, late, "fair_start") == 100


def test_rule_8_a_running_job_counts_for_its_owner(database: Database) -> None:
    (first,) = insert(database, new_job(owner_id=1))
    claim_one(database, first)
    (second,) = insert(database, new_job(owner_id=1))

    assert column(database, second, "fair_start") == 100


def test_rule_8_without_a_running_job_the_first_queued_tells_the_time(
    database: Database,
) -> None:
    first, second = insert(database, new_job(owner_id=1), new_job(owner_id=1))
    database.read(lambda c: c.execute("DELETE FROM jobs WHERE id=%s", (first,)))
    (late,) = insert(database, new_job(owner_id=2))

    assert column(database, second, "fair_start") == 100
    assert column(database, late, "fair_start") == 100


def test_rule_8_ranking_waits_for_nobodys_locks(maria: Database) -> None:
    claim_one(maria, new_job())
    insert(maria, new_job())

    def hold(cursor: HotCursor) -> list[str]:
        with cursor.transaction():
            cursor.execute("UPDATE jobs SET fair_start=fair_start+1")
            # By another connection, which would wait for this one's end in vain.
            return insert(maria, new_job())

    (late,) = maria.run(hold)
    assert row(maria, late).state is State.QUEUED


def test_rule_27_a_taken_idempotency_key_commits_nothing_of_the_batch(
    database: Database,
) -> None:
    insert(database, new_job(idempotency_key="k"))
    neighbour, twin = new_job(), new_job(idempotency_key="k")

    with pytest.raises(DUPLICATE):
        writer(database)([neighbour, twin])
    assert JobQuery(database).get(neighbour.id) is None


def test_a_job_of_a_caller_that_changed_commits_nothing_of_the_batch(
    database: Database,
) -> None:
    keys = Keys(database)
    good, bad = (
        keys.create(user=name, name="k", scopes=[Scope.INFERENCE])[0]
        for name in ("ada", "bob")
    )
    jobs = [new_job(credential=keys.recognise(key).credential) for key in (good, bad)]
    ((_, _), (row_of_bad, _)) = keys.list_all()
    KeyRegistry(database).disable(row_of_bad.prefix, actor="root")

    with pytest.raises(CallerChangedError):
        writer(database)(jobs)
    assert JobQuery(database).get(jobs[0].id) is None
    writer(database)(jobs[:1])
    assert row(database, jobs[0].id).state is State.QUEUED


def test_a_server_that_is_lenient_about_nulls_is_told_not_to_be(
    maria: Database,
) -> None:
    def mode(cursor: HotCursor) -> str:
        cursor.execute("SELECT @@sql_mode")
        return str(cursor.rows()[0][0])

    assert "STRICT_ALL_TABLES" in maria.read(mode)


def test_rule_27_identifiers_differ_by_case(database: Database) -> None:
    ids = insert(
        database, new_job(idempotency_key="abc"), new_job(idempotency_key="ABC")
    )

    found = JobQuery(database).by_idempotency_key(1, "ABC")
    assert found is not None
    assert found.id == ids[1]


class Unlucky(Database):
    """Loses the connection after, or before, the statements of some calls."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine, database.hot)
        self.fates: list[str] = []

    def _once(self, work: Any) -> Any:
        fate = self.fates.pop(0) if self.fates else ""
        if fate == "before":
            raise ConnectionLostError
        done = super()._once(work)
        if fate == "after":
            raise ConnectionLostError
        return done


def test_rule_2_a_lost_reply_to_the_commit_is_no_failure(database: Database) -> None:
    unlucky, job = Unlucky(database), new_job()
    unlucky.fates = ["after"]

    writer(unlucky)([job])

    assert row(database, job.id).state is State.QUEUED


def test_rule_2_what_was_lost_before_the_commit_is_written_again(
    database: Database,
) -> None:
    unlucky, job = Unlucky(database), new_job()
    unlucky.fates = ["before"]

    writer(unlucky)([job])

    assert row(database, job.id).state is State.QUEUED


def test_a_database_that_stays_away_is_said_so(database: Database) -> None:
    unlucky = Unlucky(database)
    unlucky.fates = ["before", "before"]

    with pytest.raises(DatabaseUnavailableError):
        writer(unlucky)([new_job()])


def test_a_batch_that_fails_in_the_payloads_leaves_no_job(database: Database) -> None:
    job = new_job()
    database.read(
        lambda c: c.execute("INSERT INTO job_payloads (job_id) VALUES (%s)", (job.id,))
    )

    with pytest.raises(DUPLICATE):
        writer(database)([job])

    def count(cursor: HotCursor) -> int:
        cursor.execute("SELECT COUNT(*) FROM jobs")
        return int(cursor.rows()[0][0])

    assert database.read(count) == 0
