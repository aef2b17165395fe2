"""JOBS.md 1, 2, 10: ending jobs, fenced, all or none."""

from typing import Any

import orjson
import pymysql
import pytest

from backend.core.db import ConnectionLostError, Database
from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.records import AttemptRecord, Claimed
from backend.core.jobs.repository.finish import Committed, JobFinish
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.repository.rows import heard
from backend.core.jobs.states import ErrorCode, State
from tests.factories import finish_of, new_job
from tests.integration.core.jobs import (
    attempt,
    attempts,
    change,
    claim_one,
    column,
    past,
    row,
    transitions,
)


@pytest.fixture
def claimed(database: Database) -> Claimed:
    return claim_one(database, new_job())


def test_an_answer_is_committed_with_all_that_belongs_to_it(
    database: Database, claimed: Claimed
) -> None:
    record = AttemptRecord("succeeded", model_digest="d", options="{}")
    finish = finish_of(
        claimed,
        record=record,
        result=orjson.dumps({"text": "Grüße 🐟 100 % %s"}).decode(),
        served_model="other:latest",
        done_reason="stop",
        timings='{"total_ms": 1.5}',
        prompt_tokens=3,
        completion_tokens=4,
        first_token_ms=1_500,
    )
    JobFinish(database)([finish])

    found = row(database, claimed.id)
    assert found.state is State.SUCCEEDED
    assert found.result == {"text": "Grüße 🐟 100 % %s"}
    assert (found.prompt_tokens, found.completion_tokens) == (3, 4)
    assert (found.served_model, found.done_reason) == ("other:latest", "stop")
    assert found.timings == {"total_ms": 1.5}
    assert found.last_event_id == "1-2"
    assert found.started_at is not None
    assert found.first_token_at is not None
    assert found.finished_at is not None
    assert (found.first_token_at - found.started_at).total_seconds() == 1.5
    assert column(database, claimed.id, "lease_owner") is None
    assert attempts(database, claimed.id) == [(1, "succeeded")]
    told = attempt(database, claimed.id, "model_digest", "options")
    assert told == (found.started_at, found.finished_at, "d", "{}")


def test_what_is_told_of_ends_is_what_is_read_of_them(database: Database) -> None:
    jobs = [claim_one(database, new_job()) for _ in range(3)]
    for count in (1, 2):
        finishes = [finish_of(job, result='{"text": "é"}') for job in jobs[:count]]
        del jobs[:count]
        told = JobFinish(database)(finishes)

        query = JobQuery(database)
        for finish, end in zip(finishes, told, strict=True):
            row = (end and end.row) or b""
            assert b"\n" not in row
            assert [heard(row)] == query.outcomes([finish.id])


def test_a_large_result_is_told_to_nobody(database: Database, claimed: Claimed) -> None:
    finish = finish_of(claimed, result=f'"{"x" * 20_000}"')

    assert JobFinish(database)([finish]) == [Committed(row=None)]
    assert row(database, claimed.id).result == "x" * 20_000


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
def test_an_end_without_an_answer_keeps_its_reason(
    database: Database, claimed: Claimed, state: State
) -> None:
    finish = finish_of(
        claimed,
        state=state,
        result=None,
        error='{"code": "stalled"}',
        error_code=ErrorCode.STALLED,
    )
    JobFinish(database)([finish])

    found = row(database, claimed.id)
    assert (found.state, found.result) == (state, None)
    assert found.error == {"code": "stalled"}
    assert found.first_token_at is None
    assert column(database, claimed.id, "error_code") == "stalled"


@pytest.mark.parametrize(
    "assignment",
    ["attempt=2", "state='queued'", "state='cancelled'", "claim_token='another'"],
)
def test_rule_1_a_zombies_answer_changes_nothing_at_all(
    database: Database, claimed: Claimed, assignment: str
) -> None:
    change(database, claimed.id, assignment)
    before = row(database, claimed.id)

    assert JobFinish(database)([finish_of(claimed)]) == [None]
    assert row(database, claimed.id) == before
    assert attempts(database, claimed.id) == []


def test_a_lease_that_is_over_is_no_reason_to_refuse_an_answer(
    database: Database, claimed: Claimed
) -> None:
    past(database, claimed.id, "lease_expires_at")

    JobFinish(database)([finish_of(claimed)])

    assert row(database, claimed.id).state is State.SUCCEEDED


def test_ends_are_committed_together_each_with_its_own_result(
    database: Database,
) -> None:
    jobs = [claim_one(database, new_job()) for _ in range(5)]
    ends = [
        finish_of(job, result=f'{{"text": "{n}"}}') for n, job in enumerate(jobs[:-1])
    ]
    ends.append(finish_of(jobs[-1], state=State.FAILED, result=None))
    JobFinish(database)(list(reversed(ends)))

    found = [row(database, job.id) for job in jobs]
    assert [f.result and f.result["text"] for f in found] == ["0", "1", "2", "3", None]
    assert found[-1].state is State.FAILED


def test_rule_1_a_zombie_in_a_batch_changes_nothing_and_stops_nobody(
    database: Database,
) -> None:
    good, zombie = claim_one(database, new_job()), claim_one(database, new_job())
    change(database, zombie.id, "attempt=2")

    ends = JobFinish(database)([finish_of(good), finish_of(zombie)])

    assert [end is not None for end in ends] == [True, False]
    assert row(database, good.id).state is State.SUCCEEDED
    assert attempts(database, good.id) == [(1, "succeeded")]
    assert (row(database, zombie.id).state, row(database, zombie.id).result) == (
        State.RUNNING,
        None,
    )
    assert attempts(database, zombie.id) == []


def test_an_end_is_one_round_trip_so_nobody_dies_in_its_middle(
    maria: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [claim_one(maria, new_job()) for _ in range(3)]
    sent: list[str] = []
    query = pymysql.cursors.Cursor._query

    def watched(self: Any, sql: str) -> Any:
        sent.append(sql)
        return query(self, sql)

    monkeypatch.setattr(pymysql.cursors.Cursor, "_query", watched)
    JobFinish(maria)([finish_of(jobs[0])])
    JobFinish(maria)([finish_of(job) for job in jobs[1:]])

    assert len(sent) == 2
    assert all(sql.startswith("BEGIN;") and ";COMMIT;" in sql for sql in sent)


class Unlucky(Database):
    """Loses the connection before or after the statements of some calls."""

    def __init__(self, database: Database, *fates: str) -> None:
        super().__init__(database.engine, database.hot)
        self.fates = list(fates)

    def _once(self, work: Any) -> Any:
        fate = self.fates.pop(0) if self.fates else ""
        if fate == "before":
            raise ConnectionLostError
        done = super()._once(work)
        if fate == "after":
            raise ConnectionLostError
        return done


@pytest.mark.parametrize("fate", ["before", "after"])
def test_rule_2_an_answer_counts_once_whichever_reply_was_lost(
    database: Database, claimed: Claimed, fate: str
) -> None:
    JobFinish(Unlucky(database, fate))([finish_of(claimed)])

    assert row(database, claimed.id).state is State.SUCCEEDED
    assert attempts(database, claimed.id) == [(1, "succeeded")]


def test_rule_2_after_a_lost_reply_another_holders_end_is_not_taken_for_mine(
    database: Database, claimed: Claimed
) -> None:
    change(database, claimed.id, "state='succeeded',claim_token='another'")

    unlucky = JobFinish(Unlucky(database, "before"))
    assert unlucky([finish_of(claimed)]) == [None]


def test_rule_2_nothing_is_claimed_while_the_database_is_away(
    database: Database, claimed: Claimed
) -> None:
    with pytest.raises(DatabaseUnavailableError):
        JobFinish(Unlucky(database, "before", "before"))([finish_of(claimed)])


def test_an_end_and_a_recovery_at_once_have_one_winner(database: Database) -> None:
    claimed = claim_one(database, new_job())
    past(database, claimed.id, "lease_expires_at")
    (moved,) = transitions(database).recover()

    assert JobFinish(database)([finish_of(claimed)]) == [None]
    assert moved.state is State.QUEUED
    assert attempts(database, claimed.id) == [(1, "worker_lost")]


def test_it_is_known_how_large_a_result_may_be(database: Database) -> None:
    largest = JobFinish(database).largest_result()

    assert largest > 15_000_000
