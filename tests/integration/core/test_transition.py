"""JOBS.md 1 to 7: all other moves."""

import pytest

from backend.core.db import Database
from backend.core.hot_cursor import HotCursor
from backend.core.jobs.errors import platform_error
from backend.core.jobs.records import Claimed, Moved
from backend.core.jobs.states import ErrorCode, State
from tests.factories import MODEL, insert, new_job
from tests.integration.core.jobs import (
    attempt,
    attempts,
    change,
    claim_one,
    column,
    foreign_id,
    hand_back,
    past,
    row,
    transitions,
)


@pytest.fixture
def claimed(database: Database) -> Claimed:
    return claim_one(database, new_job())


def test_rule_3_a_hand_back_costs_nothing_however_often(database: Database) -> None:
    (job_id,) = insert(database, new_job())
    rank = row(database, job_id).queue_rank
    for number in range(1, 11):
        moved = hand_back(database, claim_one(database, job_id))

        assert moved is not None
        assert (moved.state, moved.attempt) == (State.QUEUED, number)
    found = row(database, job_id)
    assert (found.attempt, found.failures) == (10, 0)
    assert found.queue_rank == rank
    assert column(database, job_id, "lease_owner") is None
    assert column(database, job_id, "claim_token") is None


def test_three_retries_are_four_counted_attempts(database: Database) -> None:
    (job_id,) = insert(database, new_job())
    states = []
    for _ in range(4):
        moved = hand_back(database, claim_one(database, job_id), costs=1)
        assert moved is not None
        states.append(moved.state)

    found = row(database, job_id)
    assert states == [State.QUEUED] * 3 + [State.FAILED]
    assert found.failures == 4
    assert found.error == {"code": "stalled"}
    assert found.finished_at is not None
    assert column(database, job_id, "error_code") == "stalled"
    assert attempts(database, job_id) == [(n, "stalled") for n in (1, 2, 3, 4)]


def test_tokens_of_an_attempt_are_the_jobs_only_if_it_ends_with_it(
    database: Database,
) -> None:
    (job_id,) = insert(database, new_job())
    counts = []
    for tokens in (7, 8, 9, 4):
        hand_back(database, claim_one(database, job_id), costs=1, tokens=tokens)
        counts.append(row(database, job_id).completion_tokens)

    assert counts == [None, None, None, 4]


def test_a_retry_waits_for_its_time(database: Database, claimed: Claimed) -> None:
    hand_back(database, claimed, costs=1, delay_ms=60_000)

    left = database.dialect.milliseconds_until("not_before")
    assert 50_000 < column(database, claimed.id, left) <= 60_000


def test_a_hand_back_of_a_job_with_a_cancel_asked_ends_it(
    database: Database, claimed: Claimed
) -> None:
    transitions(database).cancel(claimed.id)
    past(database, claimed.id, "deadline_at")

    moved = hand_back(database, claimed, costs=1)

    assert moved is not None
    assert (moved.state, moved.error) == (State.CANCELLED, None)
    assert row(database, claimed.id).finished_at is not None


@pytest.mark.parametrize("costs", [0, 1])
def test_a_hand_back_of_a_job_whose_deadline_passed_ends_it(
    database: Database, claimed: Claimed, costs: int
) -> None:
    past(database, claimed.id, "deadline_at")

    moved = hand_back(database, claimed, costs=costs)

    assert moved is not None
    assert moved.state is State.EXPIRED
    assert moved.error == platform_error(ErrorCode.DEADLINE_EXCEEDED, attempts=costs)


def test_a_hand_back_never_waits_longer_than_the_deadline(
    database: Database, claimed: Claimed
) -> None:
    change(database, claimed.id, f"deadline_at={database.dialect.later('5000')}")
    hand_back(database, claimed)

    assert column(database, claimed.id, "queue_expires_at") == column(
        database, claimed.id, "deadline_at"
    )


@pytest.mark.parametrize("assignment", ["attempt=2", "state='succeeded'"])
def test_rule_1_a_hand_back_of_anothers_job_changes_nothing(
    database: Database, claimed: Claimed, assignment: str
) -> None:
    change(database, claimed.id, assignment)
    before = row(database, claimed.id)

    assert hand_back(database, claimed) is None
    assert row(database, claimed.id) == before
    assert attempts(database, claimed.id) == []


def recovered(database: Database) -> list[Moved]:
    return transitions(database).recover()


def test_rule_28_who_moves_a_job_knows_what_its_caller_calls_the_model(
    database: Database,
) -> None:
    moved = hand_back(database, claim_one(database, new_job(requested_model="Tiny")))

    assert moved is not None
    assert (moved.model, moved.requested_model) == (MODEL, "Tiny")


def test_a_job_whose_lease_is_over_goes_back_and_pays(
    database: Database, claimed: Claimed
) -> None:
    past(database, claimed.id, "lease_expires_at")

    (moved,) = recovered(database)

    assert (moved.id, moved.state) == (claimed.id, State.QUEUED)
    found = row(database, claimed.id)
    assert found.failures == 1
    assert attempts(database, claimed.id) == [(1, "worker_lost")]
    began, ended, model = attempt(database, claimed.id, "model")
    assert (began, model) == (found.started_at, MODEL)
    assert began <= ended


def test_a_live_lease_is_left_alone(database: Database, claimed: Claimed) -> None:
    assert recovered(database) == []
    assert row(database, claimed.id).state is State.RUNNING


def test_a_lease_renewed_since_recovery_looked_is_left_alone(
    database: Database, claimed: Claimed
) -> None:
    moves = transitions(database)

    assert moves._recover_one((claimed.id, 1, 0, "n", "w", "m")) is None


def test_the_last_failure_of_a_lost_worker_is_the_end(database: Database) -> None:
    claimed = claim_one(database, new_job())
    change(database, claimed.id, "failures=3")
    past(database, claimed.id, "lease_expires_at")

    (moved,) = recovered(database)

    assert moved.state is State.FAILED
    assert moved.error == platform_error(ErrorCode.WORKER_LOST, attempts=4)
    assert row(database, claimed.id).error == moved.error


def test_rule_5_a_lease_is_renewed_for_its_incarnation_and_attempt_only(
    database: Database,
) -> None:
    mine, other, newer = (claim_one(database, new_job()) for _ in range(3))
    change(database, other.id, "lease_owner='its dead self'")
    for job in (mine, other, newer):
        past(database, job.id, "lease_expires_at")
    held = [(mine.id, 1), (other.id, 1), (newer.id, 2)]

    transitions(database).renew(held, owner="me", ms=6_000)

    assert {job.id for job in recovered(database)} == {other.id, newer.id}


def test_nothing_held_is_nothing_to_renew(database: Database) -> None:
    transitions(database).renew([], owner="me", ms=6_000)


def test_rule_6_leases_are_renewed_by_primary_key(maria: Database) -> None:
    for _ in range(30):
        claim_one(maria, new_job())
    seen: list[str] = []

    class Spy:
        def execute(self, sql: str, values: list[object]) -> int:
            seen.append(maria_explains(maria, sql, values))
            return 0

    moves = transitions(maria)
    moves._renew(Spy(), [("a", 1), ("b", 2)], "me", 6_000)  # type: ignore[arg-type]  # looks like a cursor

    assert seen == ["PRIMARY"]


def maria_explains(maria: Database, sql: str, values: list[object]) -> str:
    def explain(cursor: HotCursor) -> str:
        cursor.execute("EXPLAIN " + sql, values)
        return str(cursor.rows()[0][5])

    return maria.read(explain)


def test_rule_7_a_cancel_ends_a_queued_job(database: Database) -> None:
    (job_id,) = insert(database, new_job())

    moved = transitions(database).cancel(job_id)

    assert moved is not None
    assert (moved.state, moved.attempt) == (State.CANCELLED, 0)
    assert row(database, job_id).finished_at is not None


def test_rule_7_a_cancel_flags_a_running_job(
    database: Database, claimed: Claimed
) -> None:
    moves = transitions(database)

    moved, again = moves.cancel(claimed.id), moves.cancel(claimed.id)

    assert moved is not None
    assert moved == again
    assert moved.state is State.RUNNING
    assert row(database, claimed.id).finished_at is None
    assert moves.standing([claimed.id]) == [(claimed.id, 1, State.RUNNING, True)]


def test_a_cancel_of_an_ended_or_unknown_job_changes_nothing(
    database: Database,
) -> None:
    (job_id,) = insert(database, new_job())
    moves = transitions(database)
    moves.cancel(job_id)

    assert moves.cancel(job_id) is None
    assert moves.cancel(foreign_id()) is None


def test_a_wait_that_is_over_ends_a_queued_job(database: Database) -> None:
    waited, late, fresh = insert(database, new_job(), new_job(), new_job())
    change(database, late, "failures=2")
    past(database, waited, "queue_expires_at")
    past(database, late, "queue_expires_at", "deadline_at")

    moved = {job.id: job for job in transitions(database).expire()}

    assert set(moved) == {waited, late}
    assert moved[waited].error == platform_error(ErrorCode.QUEUE_TIMEOUT, attempts=0)
    assert moved[late].error == platform_error(ErrorCode.DEADLINE_EXCEEDED, attempts=2)
    assert row(database, fresh).state is State.QUEUED


def test_a_job_claimed_since_expiry_looked_is_left_alone(database: Database) -> None:
    (job_id,) = insert(database, new_job())
    moves = transitions(database)

    assert database.read(lambda cursor: moves._expire_one(cursor, job_id, 0)) == []


def test_progress_is_kept_while_the_attempt_holds_the_job(
    database: Database, claimed: Claimed
) -> None:
    moves = transitions(database)
    moves.set_progress(claimed.id, 1, '{"status": "pulling"}')
    moves.set_progress(claimed.id, 2, '{"status": "of a zombie"}')

    assert row(database, claimed.id).progress == {"status": "pulling"}
