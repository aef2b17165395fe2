"""JOBS.md 16: two beats are harmless."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from backend.core.db import Database, transaction
from backend.core.errors import DatabaseUnavailableError
from backend.core.maintenance import Maintenance, Outcome, Report

NAME = "recovery"
DONE = Report({"done": 1})
HOUR = 3_600.0


def ran(database: Database, interval: float = HOUR, *, by_hand: bool = False) -> bool:
    outcome = Maintenance(database).run(
        NAME, lambda: DONE, interval_seconds=interval, by_hand=by_hand
    )
    return outcome is Outcome.OK


def shift(database: Database, column: str, seconds: int) -> None:
    """Let something have happened earlier, or by a clock that is ahead."""
    words = database.dialect.later(str(seconds * 1000)).replace("%%", "%")
    # A literal colon would be a bind parameter.
    statement = text(
        f"UPDATE maintenance_runs SET {column}={words}".replace(":", r"\:")
    )
    with transaction(database.sessions) as session:
        session.execute(statement)


def test_a_run_is_kept_with_its_outcome(database: Database) -> None:
    maintenance = Maintenance(database, runner="me")

    outcome = maintenance.run(NAME, lambda: DONE, interval_seconds=1)

    (row,) = maintenance.runs()
    assert outcome is Outcome.OK
    assert (row.name, row.runner, row.outcome) == (NAME, "me", "ok")
    assert row.detail == '{"done":1}'
    assert row.duration_ms is not None
    assert row.started_at is not None
    assert row.finished_at is not None
    assert row.finished_at >= row.started_at


def test_rule_16_of_two_beats_one_runs_a_task_in_an_interval(
    database: Database,
) -> None:
    assert ran(database)
    assert not ran(database)

    shift(database, "started_at", -3_000)
    assert ran(database)


def test_rule_16_many_beats_at_once_run_a_task_once(database: Database) -> None:
    runs: list[int] = []
    barrier = threading.Barrier(6)

    def beat(number: int) -> None:
        def work() -> Report:
            runs.append(number)
            return DONE

        barrier.wait(10)
        Maintenance(database).run(NAME, work, interval_seconds=HOUR)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(beat, range(6)))

    assert len(runs) == 1


def test_an_administrator_need_not_wait_for_the_interval(database: Database) -> None:
    assert ran(database)
    assert ran(database, by_hand=True)


def test_what_runs_is_not_run_beside_itself(database: Database) -> None:
    inner: list[bool] = []

    def work() -> Report:
        inner.append(ran(database, by_hand=True))
        return DONE

    Maintenance(database).run(NAME, work, interval_seconds=HOUR)

    assert inner == [False]


def test_a_failure_is_kept_and_the_next_run_is_free(database: Database) -> None:
    def work() -> Report:
        raise DatabaseUnavailableError("gone")

    outcome = Maintenance(database).run(NAME, work, interval_seconds=HOUR)

    (row,) = Maintenance(database).runs()
    assert outcome is Outcome.FAILED
    assert (row.outcome, row.detail) == ("failed", '{"error":"gone"}')
    assert ran(database, by_hand=True)


def test_a_task_may_say_itself_that_it_failed(database: Database) -> None:
    outcome = Maintenance(database).run(
        NAME, lambda: Report({}, ok=False), interval_seconds=1
    )

    assert outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("interval", "silent", "taken"),
    [(1.0, 4, False), (1.0, 7, True), (300.0, 590, False), (300.0, 610, True)],
)
def test_a_runner_that_died_in_a_run_holds_it_up_for_some_intervals_only(
    database: Database, interval: float, silent: int, *, taken: bool
) -> None:
    class DiedError(BaseException):
        pass

    def work() -> Report:
        raise DiedError

    with pytest.raises(DiedError):
        Maintenance(database).run(NAME, work, interval_seconds=interval)
    shift(database, "started_at", -silent)

    assert ran(database, interval) is taken


def test_a_run_that_another_took_over_does_not_report(database: Database) -> None:
    def work() -> Report:
        shift(database, "started_at", -700)
        assert ran(database, 100.0)
        return Report({"late": 1})

    Maintenance(database, runner="slow").run(NAME, work, interval_seconds=100.0)

    (row,) = Maintenance(database).runs()
    assert row.detail == '{"done":1}'
