"""Connections, outages and deadlocks, on the real database."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.constants import ER
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from backend.core.db import ConnectionLostError, Database, transaction
from backend.core.errors import DatabaseUnavailableError
from backend.core.hot_cursor import HotCursor
from tests.factories import new_job, open_test_database
from tests.integration.core.jobs import change, claim_one, row
from tests.server_process import ServerProcess
from tests.servers import MariaDbServer


def one(cursor: HotCursor) -> int:
    cursor.execute("SELECT 1")
    return int(cursor.rows()[0][0])


def kill_own(cursor: HotCursor) -> None:
    cursor.execute("KILL CONNECTION_ID()")


def test_an_error_in_a_transaction_undoes_it(database: Database) -> None:
    job = claim_one(database, new_job())

    def work(cursor: HotCursor) -> None:
        with cursor.transaction():
            cursor.execute("UPDATE jobs SET attempt=9 WHERE id=%s", (job.id,))
            raise KeyError

    with pytest.raises(KeyError):
        database.read(work)
    assert row(database, job.id).attempt == 1
    assert database.read(one) == 1


def test_a_lost_connection_is_told_from_an_error(maria: Database) -> None:
    with pytest.raises(ConnectionLostError):
        maria.run(kill_own)
    assert maria.run(one) == 1


@pytest.mark.parametrize("number", [1290, 1021, 1317, 1969])
def test_a_database_that_refuses_to_work_is_unavailable(
    maria: Database, number: int
) -> None:
    refusal = f"SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO={number}"

    with pytest.raises(DatabaseUnavailableError):
        maria.run(lambda cursor: cursor.execute(refusal))
    with pytest.raises(DatabaseUnavailableError):
        maria.transact(lambda session: session.execute(text(refusal)))


def test_a_statement_that_is_wrong_is_a_bug_and_no_outage(maria: Database) -> None:
    with pytest.raises(pymysql.ProgrammingError):
        maria.run(lambda cursor: cursor.execute("SELECT 1 FROM no_such_table"))


def test_a_read_is_repeated_once_after_a_lost_connection(maria: Database) -> None:
    calls = []

    def work(cursor: HotCursor) -> int:
        calls.append(1)
        if len(calls) == 1:
            kill_own(cursor)
        return one(cursor)

    assert maria.read(work) == 1
    with pytest.raises(DatabaseUnavailableError):
        maria.read(kill_own)


def test_a_wrong_statement_is_nobodys_outage(database: Database) -> None:
    def work(cursor: HotCursor) -> None:
        cursor.execute("SELECT nonsense FROM nowhere")

    with pytest.raises(Exception, match="nowhere"):
        database.read(work)


def deadlock(maria: Database, cursor: HotCursor, ids: list[str], meet: Any) -> None:
    with cursor.transaction():
        for job_id in ids:
            cursor.execute("UPDATE jobs SET failures=failures+1 WHERE id=%s", (job_id,))
            meet()


def test_rule_6_a_deadlocks_victim_runs_again(maria: Database) -> None:
    a, b = (claim_one(maria, new_job()).id for _ in range(2))
    barrier = threading.Barrier(2, timeout=10)

    def meet_once() -> Any:
        left = [1]

        def meet() -> None:
            if left:
                left.pop()
                barrier.wait()

        return meet

    def work(ids: list[str]) -> None:
        meet = meet_once()
        maria.run(lambda cursor: deadlock(maria, cursor, ids, meet))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [[a, b], [b, a]]))

    assert [row(maria, job_id).failures for job_id in (a, b)] == [2, 2]


@pytest.mark.parametrize("code", [ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT])
def test_rule_6_a_victim_is_repeated_three_times_at_most(
    database: Database, code: int
) -> None:
    calls = []

    def work(_cursor: HotCursor) -> None:
        calls.append(1)
        raise pymysql.OperationalError(code, "victim")

    with pytest.raises(DatabaseUnavailableError, match="overloaded"):
        database.run(work)
    assert len(calls) == 3


def test_another_error_is_not_repeated(database: Database) -> None:
    calls = []

    def work(_cursor: HotCursor) -> None:
        calls.append(1)
        raise pymysql.OperationalError(ER.BAD_FIELD_ERROR, "no such column")

    with pytest.raises(pymysql.OperationalError):
        database.run(work)
    assert len(calls) == 1


def test_ordinary_work_is_repeated_after_a_deadlock_too(database: Database) -> None:
    calls = []
    victim = OperationalError("", {}, pymysql.OperationalError(ER.LOCK_DEADLOCK, ""))

    def work(_session: Any) -> int:
        calls.append(1)
        if len(calls) < 3:
            raise victim
        return 7

    assert database.transact(work) == 7


def test_ordinary_work_gives_up_after_three_deadlocks(database: Database) -> None:
    victim = OperationalError("", {}, pymysql.OperationalError(ER.LOCK_DEADLOCK, ""))

    def work(_session: Any) -> None:
        raise victim

    with pytest.raises(DatabaseUnavailableError):
        database.transact(work)


def test_ordinary_work_is_not_repeated_after_its_own_mistake(
    database: Database,
) -> None:
    wrong = OperationalError("", {}, pymysql.OperationalError(ER.BAD_FIELD_ERROR, ""))

    def work(_session: Any) -> None:
        raise wrong

    with pytest.raises(OperationalError):
        database.transact(work)


def test_a_duplicate_is_no_outage(database: Database) -> None:
    job = claim_one(database, new_job())

    with (
        pytest.raises(IntegrityError),
        transaction(database.sessions) as session,
    ):
        session.execute(
            text("INSERT INTO job_payloads (job_id) VALUES (:id)"), {"id": job.id}
        )


def test_two_writers_on_sqlite_wait_for_each_other(sqlite: Database) -> None:
    job = claim_one(sqlite, new_job())

    def work(_: int) -> None:
        for _round in range(20):
            change(sqlite, job.id, "failures=failures+1")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))

    assert row(sqlite, job.id).failures == 80


def test_a_read_and_a_later_write_on_sqlite_is_never_locked_out(
    sqlite: Database,
) -> None:
    claim_one(sqlite, new_job())

    def work(_: int) -> None:
        for _round in range(10):
            with transaction(sqlite.sessions) as session:
                session.execute(text("SELECT failures FROM jobs")).all()
                session.execute(text("UPDATE jobs SET failures=failures+1"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = Path(str(tmp_path_factory.mktemp("db")))
    with MariaDbServer(folder) as server:
        yield server


def test_an_outage_is_told_by_both_ways_and_over_when_it_is_over(
    own_server: MariaDbServer,
) -> None:
    database = open_test_database(own_server.create_database("corral"))
    database.read(one)
    with transaction(database.sessions) as session:
        session.execute(text("SELECT 1"))
    ServerProcess.kill(own_server)

    with pytest.raises(DatabaseUnavailableError):
        database.read(one)
    with pytest.raises(DatabaseUnavailableError), transaction(database.sessions) as s:
        s.execute(text("SELECT 1"))

    own_server.start()
    assert database.read(one) == 1
    with transaction(database.sessions) as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1
    database.dispose()


def test_waiting_too_long_for_a_connection_is_an_outage(
    own_server: MariaDbServer,
) -> None:
    database = open_test_database(own_server.create_database("small"), connections=1)
    database.hot._wait_seconds = 0.01
    held = [database.hot.borrow() for _ in range(2)]

    with pytest.raises(DatabaseUnavailableError):
        database.read(one)
    for connection in held:
        database.hot.give_back(connection)
    assert database.read(one) == 1
    database.dispose()


def test_nobody_waits_long_for_a_row_whose_holder_vanished(maria: Database) -> None:
    def settings(cursor: HotCursor) -> list[tuple[Any, ...]]:
        cursor.execute("SELECT @@tx_isolation,@@innodb_lock_wait_timeout")
        return cursor.rows()

    assert maria.run(settings) == [("READ-COMMITTED", 5)]
