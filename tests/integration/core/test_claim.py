"""JOBS.md 9: one claim path on every database."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from backend.core.db import ConnectionLostError, Database
from backend.core.jobs.repository.claim import Holder, JobClaim
from backend.core.jobs.states import State
from tests.factories import MODEL, insert, new_job
from tests.integration.core.jobs import (
    LEASE_MS,
    change,
    claim_one,
    claimer,
    column,
    hand_back,
    past,
    row,
)

LANE = f"gen:{MODEL}"


def test_due_jobs_are_read_in_rank_order(database: Database) -> None:
    ids = insert(database, *[new_job(owner_id=o) for o in (1, 1, 2)])

    due = claimer(database).look(LANE, 10)

    assert [job.id for job in due] == [ids[0], ids[2], ids[1]]
    assert 3_590_000 < due[0].deadline_ms <= 3_600_000
    assert due[0].request.startswith(b'{"messages"')


def test_a_lane_is_claimed_apart_from_others(database: Database) -> None:
    insert(database, new_job(model="other:latest"))

    assert claimer(database).look(LANE, 10) == []
    assert not claimer(database).any_due(LANE)
    assert claimer(database).any_due("gen:other:latest")


def test_a_claim_moves_the_row_and_fences_it(database: Database) -> None:
    (job_id,) = insert(database, new_job())
    claimed = claim_one(database, job_id)

    found = row(database, job_id)
    assert found.state is State.RUNNING
    assert (found.attempt, claimed.attempt) == (1, 1)
    assert found.node == "n"
    assert found.started_at is not None
    assert column(database, job_id, "claim_token") == claimed.token
    assert column(database, job_id, "lease_owner") == "me"
    lease = database.dialect.milliseconds_until("lease_expires_at")
    assert 0 < column(database, job_id, lease) <= LEASE_MS


@pytest.mark.parametrize("days", [-3, 3])
def test_rule_4_a_clock_of_ours_that_is_wrong_changes_no_lease_or_deadline(
    database: Database, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    real, real_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real() + days * 86_400)
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + days * 86_400 * 10**9)
    (job_id,) = insert(database, new_job())
    left = database.dialect.milliseconds_until

    assert 3_590_000 < column(database, job_id, left("queue_expires_at")) <= 3_600_000
    assert 3_590_000 < column(database, job_id, left("deadline_at")) <= 3_600_000
    claimed = claim_one(database, job_id)
    assert 0 < column(database, job_id, left("lease_expires_at")) <= LEASE_MS
    hand_back(database, claimed, delay_ms=60_000)
    assert 50_000 < column(database, job_id, left("not_before")) <= 60_000


def test_a_job_whose_time_has_not_come_is_not_due(database: Database) -> None:
    (job_id,) = insert(database, new_job())
    hand_back(database, claim_one(database, job_id), delay_ms=60_000)

    assert not claimer(database).any_due(LANE)

    past(database, job_id, "not_before")
    assert claimer(database).any_due(LANE)


def test_a_job_whose_wait_is_over_is_not_claimed(database: Database) -> None:
    (job_id,) = insert(database, new_job())
    due = claimer(database).look(LANE, 1)
    past(database, job_id, "queue_expires_at")

    assert claimer(database).look(LANE, 1) == []
    assert claimer(database).take(due) == []


@pytest.mark.parametrize(
    "assignment", ["attempt=7", "state='cancelled'", "not_before='2999-01-01 00:00:00'"]
)
def test_rule_1_a_row_that_moved_since_it_was_read_is_not_taken(
    database: Database, assignment: str
) -> None:
    first, second = insert(database, new_job(), new_job())
    due = claimer(database).look(LANE, 2)
    change(database, first, assignment)

    claimed = claimer(database).take(due)

    assert [job.id for job in claimed] == [second]


def test_nothing_is_taken_of_nothing(database: Database) -> None:
    assert claimer(database).take([]) == []


def test_a_job_is_claimed_once_however_many_try(database: Database) -> None:
    ids = insert(database, *[new_job() for _ in range(40)])

    def work(number: int) -> list[str]:
        claim = claimer(database, f"worker-{number}")
        won: list[str] = []
        while due := claim.look(LANE, 5):
            won += [job.id for job in claim.take(due)]
        return won

    with ThreadPoolExecutor(4) as pool:
        won = [job_id for part in pool.map(work, range(4)) for job_id in part]

    assert Counter(won) == Counter(ids)


class LosesReplies(Database):
    """Loses the reply to every statement once."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine, database.hot)
        self.lost = 0

    def _once(self, work: Any) -> Any:
        done = super()._once(work)
        self.lost += 1
        if self.lost == 1:
            raise ConnectionLostError
        return done


def test_a_claim_whose_reply_was_lost_is_found_by_its_token(
    database: Database,
) -> None:
    (job_id,) = insert(database, new_job())
    due = claimer(database).look(LANE, 1)
    claim = JobClaim(LosesReplies(database), Holder("me", "w", "n"), lease_ms=LEASE_MS)

    (claimed,) = claim.take(due)

    assert column(database, job_id, "claim_token") == claimed.token
    assert row(database, job_id).attempt == 1


def test_rule_9_the_claim_reads_by_index_without_a_filesort(maria: Database) -> None:
    insert(maria, *[new_job(owner_id=n % 7) for n in range(100)])
    insert(maria, *[new_job(model="other:latest") for _ in range(20)])
    maria.read(lambda c: c.execute("ANALYZE TABLE jobs, job_payloads"))
    claim = claimer(maria)

    def explain(cursor: Any) -> list[tuple[Any, ...]]:
        cursor.execute("EXPLAIN " + claim._look, (LANE, 5))
        rows: list[tuple[Any, ...]] = cursor.rows()
        return rows

    plan = maria.read(explain)

    assert plan[0][2] == "j"
    assert plan[0][5] == "ix_jobs_claim"
    assert all("filesort" not in str(line).lower() for line in plan)
    assert all("temporary" not in str(line).lower() for line in plan)


def test_rule_6_the_claim_locks_by_primary_key_only(maria: Database) -> None:
    insert(maria, *[new_job() for _ in range(50)])
    claim = claimer(maria)
    ids = [job.id for job in claim.look(LANE, 3)]
    statement = claim._take.replace("{ids}", "%s,%s,%s").replace(
        "{pairs}", "(id=%s AND attempt=%s)"
    )
    values = ["t", "me", 1, "w", "n", *ids, ids[0], 0]

    def explain(cursor: Any) -> list[tuple[Any, ...]]:
        cursor.execute("EXPLAIN " + statement, values)
        rows: list[tuple[Any, ...]] = cursor.rows()
        return rows

    (plan,) = maria.read(explain)

    assert plan[5] == "PRIMARY"
