"""Connections of hot statements: kept, lent, replaced."""

import sqlite3

import pymysql
import pytest

from backend.core.db import Database
from backend.core.hot_cursor import HotCursor


def one(cursor: HotCursor) -> int:
    cursor.execute("SELECT 1")
    return int(cursor.rows()[0][0])


def test_a_hot_statement_leaves_no_connection_checked_out(database: Database) -> None:
    assert database.read(one) == 1
    assert database.hot.lent == 0


def test_an_old_connection_is_replaced(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.read(one)
    old = database.hot.borrow()
    database.hot.give_back(old)
    again = database.hot.borrow()
    database.hot.give_back(again)
    monkeypatch.setattr(database.hot, "_lifetime_seconds", 0.0)

    assert again is old
    assert database.read(one) == 1
    with pytest.raises((pymysql.Error, sqlite3.Error)):
        old.dbapi.cursor().execute("SELECT 1")


def test_a_statement_torn_out_by_something_else_costs_its_connection(
    maria: Database,
) -> None:
    class KilledError(BaseException):
        pass

    def number(cursor: HotCursor) -> int:
        cursor.execute("SELECT CONNECTION_ID()")
        return int(cursor.rows()[0][0])

    def work(_cursor: HotCursor) -> None:
        raise KilledError

    before = maria.run(number)
    with pytest.raises(KilledError):
        maria.run(work)
    assert maria.run(number) != before
