"""The words in which the databases differ mean the same on each."""

from datetime import UTC, datetime, timedelta
from typing import Any

from backend.core.db import Database


def ask(database: Database, expression: str, *values: object) -> Any:
    def work(cursor: Any) -> Any:
        cursor.execute(f"SELECT {expression}", values)
        return cursor.rows()[0][0]

    return database.read(work)


def moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)


def test_now_is_the_databases_own_utc(database: Database) -> None:
    before = datetime.now(UTC)
    now = moment(ask(database, database.dialect.now))

    assert abs(now - before) < timedelta(seconds=5)


def test_later_and_after_count_milliseconds(database: Database) -> None:
    d = database.dialect
    start = "'2026-01-01 00:00:00.000000'"

    after = moment(ask(database, d.after(start, "%s"), 90_500))
    later = moment(ask(database, d.later("%s"), 60_000))

    assert after == datetime(2026, 1, 1, 0, 1, 30, 500_000, tzinfo=UTC)
    assert abs(later - datetime.now(UTC) - timedelta(minutes=1)) < timedelta(seconds=5)


def test_after_nothing_comes_nothing(database: Database) -> None:
    d = database.dialect

    assert ask(database, d.after("NULL", "%s"), 5) is None
    assert ask(database, d.after("'2026-01-01 00:00:00'", "%s"), None) is None


def test_milliseconds_until_a_moment_are_negative_when_it_is_past(
    database: Database,
) -> None:
    d = database.dialect
    left = ask(database, d.milliseconds_until(d.later("60000")))
    gone = ask(database, d.milliseconds_until(d.later("-60000")))

    assert 50_000 < left <= 60_001
    assert -70_000 < gone <= -59_999


def test_moments_compare_in_the_order_of_time(database: Database) -> None:
    d = database.dialect

    assert ask(database, f"{d.now} < {d.later('1000')}") == 1
    assert ask(database, f"{d.later('-1000')} < {d.now}") == 1
    assert moment(ask(database, f"{d.smaller}({d.later('9000')},{d.now})")) < moment(
        ask(database, d.later("5000"))
    )


def test_only_mysql_needs_to_be_told_how_to_lock_and_join(
    maria: Database, sqlite: Database
) -> None:
    assert maria.dialect.by_primary_key == "FORCE INDEX (PRIMARY)"
    assert maria.dialect.straight_join == "STRAIGHT_JOIN"
    assert sqlite.dialect.by_primary_key == ""
    assert sqlite.dialect.straight_join == "CROSS JOIN"
