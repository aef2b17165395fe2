"""Long texts are written into statements as PyMySQL writes them."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymysql.connections import Connection
from pymysql.constants.SERVER_STATUS import SERVER_STATUS_NO_BACKSLASH_ESCAPES
from pymysql.converters import escape_string

from backend.core.db import Database
from backend.core.quick_escapes import QuickConnection

SPECIAL = "\\'\"\n\r\0\x1a%s"
TEXTS = st.text(st.sampled_from(SPECIAL + "a🐟ü"), min_size=90, max_size=200)


def unconnected() -> Any:  # private parts of it are asked
    return QuickConnection(defer_connect=True)


@given(TEXTS)
def test_a_text_is_escaped_as_by_pymysql(text: str) -> None:
    assert unconnected().escape(text) == f"'{escape_string(text)}'"


def test_pymysql_still_asks_for_it() -> None:
    assert "_escape_string" in vars(Connection)


@pytest.mark.parametrize("value", ["short", 5, 1.5, None, b"bytes" * 99, "it's"])
def test_all_else_is_pymysqls_own(value: object) -> None:
    plain: Any = Connection(defer_connect=True)
    plain.server_status = 0

    assert unconnected().escape(value) == plain.escape(value)


def test_a_server_without_backslashes_gets_none() -> None:
    connection = unconnected()
    connection.server_status = SERVER_STATUS_NO_BACKSLASH_ESCAPES
    text = "it's \\ " * 99

    assert connection.escape(text) == "'" + text.replace("'", "''") + "'"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(TEXTS)
def test_what_was_sent_is_what_the_database_has(database: Database, text: str) -> None:
    def echo(cursor: Any) -> Any:
        cursor.execute("SELECT %s", (text,))
        return cursor.rows()[0][0]

    assert database.read(echo) == text
