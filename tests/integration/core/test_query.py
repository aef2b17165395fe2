from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.core.db import Database
from backend.core.hot_cursor import HotCursor
from backend.core.jobs.records import NewJob
from backend.core.jobs.repository.finish import JobFinish
from backend.core.jobs.repository.position import JobPosition
from backend.core.jobs.repository.query import Filters, JobQuery
from backend.core.jobs.repository.retention import JobRetention
from backend.core.jobs.states import Kind, Priority, State
from backend.core.keys import Keys, Scope
from backend.core.names import node_lane
from backend.core.usage.rollup import Rollup
from tests.factories import MODEL, finish_of, insert, new_job
from tests.integration.core.jobs import (
    change,
    claim_one,
    foreign_id,
    hand_back,
    row,
    transitions,
)

LANE = f"gen:{MODEL}"
DAY_MS = 86_400_000


@pytest.fixture
def query(database: Database) -> JobQuery:
    return JobQuery(database)


def test_an_unknown_job_is_none(query: JobQuery) -> None:
    assert query.get(foreign_id()) is None
    assert query.get_many([], payload=False) == []
    assert query.as_new(foreign_id(), queue_ms=1) is None
    assert query.by_idempotency_key(1, "k") is None


def test_lists_are_newest_first_and_go_on_after_a_job(
    database: Database, query: JobQuery
) -> None:
    ids = sorted(insert(database, *[new_job() for _ in range(5)]), reverse=True)

    first = query.page(Filters(), limit=2, after=None)
    second = query.page(Filters(), limit=9, after=first[-1].id)

    assert [job.id for job in first + second] == ids
    assert first[0].request is None


def test_lists_are_narrowed(database: Database, query: JobQuery) -> None:
    mine, theirs, pulled = insert(
        database,
        new_job(owner_id=1),
        new_job(owner_id=2, model="other:latest"),
        new_job(owner_id=2, kind=Kind.PULL, lane=node_lane("n")),
    )
    transitions(database).cancel(mine)
    soon = datetime.now(UTC) + timedelta(hours=1)

    def listed(filters: Filters) -> set[str]:
        return {job.id for job in query.page(filters, limit=10, after=None)}

    assert listed(Filters(owner_id=2)) == {theirs, pulled}
    assert listed(Filters(state=State.CANCELLED)) == {mine}
    assert listed(Filters(kind=Kind.PULL)) == {pulled}
    assert listed(Filters(model="other:latest")) == {theirs}
    assert listed(Filters(created_after=soon)) == set()
    assert listed(Filters(created_before=soon)) == {mine, theirs, pulled}


def test_counting_stops_at_its_limit(database: Database, query: JobQuery) -> None:
    insert(database, *[new_job() for _ in range(4)])

    assert query.queued_count(3) == 3
    assert query.queued_count(100) == 4
    assert query.due_count(LANE, 2) == 2
    assert query.due_count(LANE, 100) == 4


def test_only_due_jobs_are_counted_as_due(database: Database, query: JobQuery) -> None:
    hand_back(database, claim_one(database, new_job()), delay_ms=60_000)
    hand_back(database, claim_one(database, new_job()))

    assert query.due_count(LANE, 10) == 1


def test_a_lane_is_unfinished_while_a_job_of_it_waits_or_runs(
    database: Database, query: JobQuery
) -> None:
    (waiting,) = insert(database, new_job(model="waiting:1"))
    claim_one(database, new_job(model="running:1"))

    assert query.any_unfinished("gen:waiting:1")
    assert query.any_unfinished("gen:running:1")
    assert not query.any_unfinished("gen:idle:1")
    transitions(database).cancel(waiting)
    assert not query.any_unfinished("gen:waiting:1")


def test_lanes_with_queued_jobs_are_named(database: Database, query: JobQuery) -> None:
    insert(database, new_job(), new_job(), new_job(model="other:latest"))
    claim_one(database, new_job(model="third:latest"))

    assert sorted(query.lanes_with_due_jobs()) == ["gen:other:latest", LANE]


def test_a_nodes_unfinished_and_latest_work_is_listed(
    database: Database, query: JobQuery
) -> None:
    over = {"kind": Kind.PULL, "lane": node_lane("n")}
    ended, done, running, queued = insert(
        database, *[new_job(**over) for _ in range(4)]
    )
    transitions(database).cancel(ended)
    JobFinish(database)([finish_of(claim_one(database, done))])
    claim_one(database, running)
    insert(database, new_job(), new_job(owner_id=2, **over))

    def listed(within_ms: int) -> set[str]:
        work = query.node_work(node_lane("n"), done_within_ms=within_ms)
        return {job.id for job in work if job.owner_id == 1}

    assert listed(60_000) == {done, running, queued}
    assert listed(-60_000) == {running, queued}
    recent = [job.id for job in query.recent_node_work(1)]
    assert recent == sorted([ended, done, running, queued], reverse=True)


def test_a_job_can_be_submitted_again_as_it_was(
    database: Database, query: JobQuery
) -> None:
    job = new_job(cost=700, priority=Priority.HIGH, metadata='{"a":1}', traceparent="t")
    insert(database, job)

    again = query.as_new(job.id, queue_ms=job.queue_ms)

    assert again is not None
    assert (again.request, again.cost, again.priority) == (
        job.request,
        700,
        job.priority,
    )
    assert (again.metadata, again.traceparent) == ('{"a":1}', "t")
    assert (again.queue_ms, again.deadline_ms) == (job.queue_ms, job.deadline_ms)


def test_what_the_caller_sent_is_read_again_where_it_is_kept(
    database: Database, query: JobQuery
) -> None:
    kept, other = new_job(original=b'{"input":"Hello"}'), new_job()
    insert(database, kept, other)

    assert query.original(kept.id) == '{"input":"Hello"}'
    assert query.original(other.id) is None
    assert query.original(foreign_id()) is None


def test_a_replay_waits_no_longer_because_the_job_was_handed_back(
    database: Database, query: JobQuery
) -> None:
    claimed = claim_one(database, new_job(queue_ms=60_000, deadline_ms=DAY_MS))
    hand_back(database, claimed)

    again = query.as_new(claimed.id, queue_ms=60_000)

    assert again is not None
    insert(database, replace(again, id=foreign_id()))
    assert (again.queue_ms, again.deadline_ms) == (60_000, DAY_MS)


def test_a_place_counts_those_before(database: Database) -> None:
    ids = insert(database, *[new_job() for _ in range(4)])
    other = insert(database, new_job(model="other:latest"))[0]
    claim_one(database, ids[0])
    position = JobPosition(database)

    assert position([ids[1]]) == {ids[1]: 1}
    assert position([ids[3], ids[2], other]) == {ids[2]: 2, ids[3]: 3, other: 1}
    assert position([ids[0], foreign_id()]) == {}


def aged(database: Database, *job_ids: str) -> None:
    """Let jobs have been submitted and ended two days ago."""
    for job_id in job_ids:
        transitions(database).cancel(job_id)
        then = database.dialect.later(f"-{2 * DAY_MS}")
        change(database, job_id, f"finished_at={then},created_at={then}")


def old_job(**over: object) -> NewJob:
    two_days_ago = datetime.now(UTC) - timedelta(days=2, minutes=1)
    stamp = int(two_days_ago.timestamp() * 1000)
    tail = foreign_id()[14:]
    text = f"{stamp:012x}"
    return new_job(id=f"{text[:8]}-{text[8:]}-{tail}", **over)


def test_old_payloads_are_dropped_and_young_ones_stay(database: Database) -> None:
    old, young, running = insert(database, new_job(), new_job(), new_job())
    aged(database, old)
    transitions(database).cancel(young)
    claim_one(database, running)
    retention = JobRetention(database)

    assert retention.drop_payloads(older_than_ms=DAY_MS) == 1
    assert retention.drop_payloads(older_than_ms=DAY_MS) == 0
    assert row(database, old).payload_expired
    assert row(database, old).request is None
    assert row(database, young).request is not None
    assert JobQuery(database).as_new(old, queue_ms=1) is None


def test_rule_29_without_retention_an_unread_result_waits_ten_minutes(
    database: Database,
) -> None:
    ended, older = insert(database, new_job(), new_job())
    for job_id, ago in ((ended, 9 * 60_000), (older, 11 * 60_000)):
        transitions(database).cancel(job_id)
        change(database, job_id, f"finished_at={database.dialect.later(f'-{ago}')}")

    JobRetention(database).drop_payloads(older_than_ms=0)

    assert not row(database, ended).payload_expired
    assert row(database, older).payload_expired


def test_rule_27_an_idempotency_key_is_free_again_after_its_time(
    database: Database,
) -> None:
    job = old_job(idempotency_key="k")
    (old,) = insert(database, job)
    waiting = old_job(idempotency_key="w")
    insert(database, waiting)
    aged(database, old)
    then = database.dialect.later(f"-{2 * DAY_MS}")
    change(database, waiting.id, f"created_at={then}")

    assert JobRetention(database).free_idempotency_keys(older_than_ms=DAY_MS) == 1
    assert JobQuery(database).by_idempotency_key(1, "k") is None
    assert JobQuery(database).by_idempotency_key(1, "w") is not None


def test_old_jobs_are_deleted_with_all_that_belongs_to_them(
    database: Database,
) -> None:
    job = old_job()
    (old,) = insert(database, job)
    hand_back(database, claim_one(database, old))
    (young,) = insert(database, new_job())
    aged(database, old, young)
    Rollup(database).run()
    retention = JobRetention(database)

    assert retention.delete_jobs(older_than_ms=DAY_MS) == 1
    assert JobQuery(database).get(old) is None

    def left(cursor: HotCursor) -> list[tuple[Any, ...]]:
        cursor.execute("SELECT job_id FROM job_attempts")
        attempts = cursor.rows()
        cursor.execute("SELECT job_id FROM job_payloads WHERE job_id=%s", (old,))
        return [*attempts, *cursor.rows()]

    assert database.read(left) == []


def test_more_than_one_batch_is_dropped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.core.jobs.repository.retention._BATCH", 2)
    ids = insert(database, *[new_job() for _ in range(5)])
    aged(database, *ids)

    assert JobRetention(database).drop_payloads(older_than_ms=DAY_MS) == 5


def test_ended_sessions_are_deleted(database: Database) -> None:
    keys = Keys(database)
    secret, _ = keys.create(user="u", name="k", scopes=[Scope.INFERENCE])
    keys.open_session(secret, lifetime_ms=-1000)
    alive, _, _ = keys.open_session(secret, lifetime_ms=60_000)

    assert JobRetention(database).delete_sessions() == 1
    assert keys.recognise(alive).user_name == "u"
