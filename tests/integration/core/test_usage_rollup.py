"""Usage outlives its jobs, and is exact at every moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from backend.core.db import Database, transaction
from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.repository.retention import JobRetention
from backend.core.models import Job, UsageHour
from backend.core.usage.grouping import Dimension, Only
from backend.core.usage.hours import Period
from backend.core.usage.rollup import Rollup, rolled_until
from backend.core.usage.sums import Counts
from tests.integration.core.calls import at, call, ended, lines, total

ALL = tuple(Dimension)


def rolled(database: Database) -> datetime:
    with transaction(database.sessions) as session:
        return rolled_until(session)


def count(database: Database, table: type[Any]) -> int:
    with transaction(database.sessions) as session:
        return session.execute(select(func.count()).select_from(table)).scalar_one()


def mixed(database: Database) -> list[str]:
    """Commit calls of many sorts over five hours, the last of which is not over."""
    rows = [
        call(
            at(hour + minute / 60),
            owner_id=1 + minute % 3,
            key_id=None if minute % 4 == 0 else minute % 4,
            served_model="served:latest" if minute % 2 else None,
            node="a" if minute % 5 else None,
            kind=("chat", "generate", "embed")[minute % 3],
            protocol=("native", "openai")[minute % 2],
            state=("succeeded", "failed", "cancelled", "expired")[minute % 4],
            prompt_tokens=minute if minute % 4 == 0 else None,
            completion_tokens=hour,
        )
        for hour in range(5)
        for minute in range(0, 60, 7)
    ]
    return ended(database, *rows)


def test_what_is_rolled_up_reads_as_before(database: Database) -> None:
    mixed(database)
    live = lines(database, *ALL)

    hours = Rollup(database).run(now=at(4.5))

    assert hours == 4
    assert rolled(database) == at(4)
    assert lines(database, *ALL) == live
    assert len(live) > 40


def test_rolling_up_again_changes_nothing(database: Database) -> None:
    mixed(database)
    Rollup(database).run(now=at(4.5))
    before = lines(database, *ALL)

    assert Rollup(database).run(now=at(4.5)) == 0
    assert lines(database, *ALL) == before


def test_usage_outlives_its_jobs(database: Database) -> None:
    ids = mixed(database)
    before = lines(database, *ALL)
    Rollup(database).run(now=at(4.5))

    deleted = JobRetention(database).delete_jobs(older_than_ms=0)

    # The last hour's are not rolled up, so they stay.
    assert deleted == len(ids) * 4 // 5
    assert lines(database, *ALL) == before
    assert Rollup(database).run(now=at(9)) == 1
    assert JobRetention(database).delete_jobs(older_than_ms=0) == len(ids) // 5
    assert count(database, Job) == 0
    assert lines(database, *ALL) == before


def test_no_job_is_deleted_before_anything_was_rolled_up(database: Database) -> None:
    mixed(database)

    assert JobRetention(database).delete_jobs(older_than_ms=0) == 0


def test_a_nodes_own_work_is_no_call_and_waits_for_no_roll_up(
    database: Database,
) -> None:
    ended(database, *[call(at(0), kind=kind) for kind in ("pull", "load", "unload")])

    assert total(database) == Counts()
    assert Rollup(database).run(now=at(5)) == 0
    assert JobRetention(database).delete_jobs(older_than_ms=0) == 3


def test_an_hour_without_calls_is_passed_over(database: Database) -> None:
    ended(database, call(at(0)), call(at(30)))

    assert Rollup(database).run(now=at(40)) == 2
    assert rolled(database) == at(31)


def test_a_long_backlog_is_rolled_up_in_several_runs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.core.usage.rollup._HOURS", 2)
    ended(database, *[call(at(hour)) for hour in range(3)])

    assert [Rollup(database).run(now=at(9)) for _ in range(3)] == [2, 1, 0]
    assert total(database).requests == 3


def test_an_hour_is_over_by_the_databases_clock(database: Database) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=3)
    ended(database, call(long_ago), call(datetime.now(UTC)))

    assert Rollup(database).run() == 1
    assert total(database).requests == 2


def test_a_period_may_lie_across_what_is_rolled_up_and_what_is_not(
    database: Database,
) -> None:
    mixed(database)
    hours = {(a, b): _requests(database, a, b) for a in range(5) for b in range(a, 6)}
    Rollup(database).run(now=at(2.5))

    assert {(a, b): _requests(database, a, b) for a, b in hours} == hours
    assert hours[(1, 4)] == 27


def _requests(database: Database, begins: int, ends: int) -> int:
    return total(database, period=Period(at(begins), at(ends))).requests


def test_of_two_who_roll_up_at_once_one_does(maria: Database) -> None:
    mixed(maria)
    before = lines(maria, *ALL)
    barrier = threading.Barrier(4)
    failed: list[Exception] = []

    def run() -> None:
        barrier.wait(10)
        try:
            Rollup(maria).run(now=at(9))
        except DatabaseUnavailableError as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(failed) < 4
    Rollup(maria).run(now=at(9))
    assert rolled(maria) == at(5)
    assert lines(maria, *ALL) == before


def test_an_hour_that_another_rolled_up_in_this_moment_is_left_alone(
    maria: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed(maria)
    Rollup(maria).run(now=at(1.5))
    before = lines(maria, *ALL)
    # As it was read before the other committed; some of its jobs are gone since.
    monkeypatch.setattr("backend.core.usage.rollup.rolled_until", lambda _: at(0))

    assert Rollup(maria).run(now=at(1.5)) == 0
    monkeypatch.undo()
    assert lines(maria, *ALL) == before


@contextmanager
def committing(database: Database, job_id: str, finished_at: datetime) -> Iterator[Any]:
    """End a job by a transaction that stays open meanwhile."""
    with transaction(database.sessions) as session:
        job = session.get_one(Job, job_id)
        job.state, job.finished_at = "succeeded", finished_at
        session.flush()  # the row is locked
        yield


@pytest.mark.parametrize("minute", [0.25, 0.75])
def test_an_end_that_has_not_committed_is_waited_for(
    maria: Database, minute: float
) -> None:
    ended(maria, call(at(0.5)), call(at(1.5)))
    (late,) = ended(maria, call(None, state="running"))

    with (
        committing(maria, late, at(minute)),
        pytest.raises(DatabaseUnavailableError),
    ):
        Rollup(maria).run(now=at(9))

    assert count(maria, UsageHour) == 0
    assert Rollup(maria).run(now=at(9)) == 2
    assert total(maria).requests == 3


def test_what_runs_meanwhile_is_not_waited_for(maria: Database) -> None:
    # The database also locks what comes next after the hour.
    ended(maria, call(at(0)), call(at(4)))
    (running,) = ended(maria, call(None, state="running"))

    with committing(maria, running, at(5)):
        assert Rollup(maria).run(now=at(3)) == 1


def test_sums_and_roll_up_never_meet_in_between(maria: Database) -> None:
    """Whoever reads sees each call once, while hours are rolled up and jobs go."""
    ended(maria, *[call(at(hour / 2), completion_tokens=1) for hour in range(60)])
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(total(maria).requests)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for hour in range(1, 33):
        Rollup(maria).run(now=at(hour + 0.5))
        JobRetention(maria).delete_jobs(older_than_ms=0)
    done.set()
    for reader in readers:
        reader.join(30)

    assert count(maria, Job) == 0
    assert seen == {60}
    assert total(maria, only=Only(owner_id=2)) == Counts()
