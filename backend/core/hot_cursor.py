"""Raw cursors for the hot statements, several of which travel together."""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pymysql

Statement = tuple[str, Sequence[object]]
COMMIT: Statement = ("COMMIT", ())
# Expressions by name: statements that travel with them say `@name` for their values.
Variables = Mapping[str, Statement]
_PLACES = re.compile(r"%s|@(\w+)")


class HotCursor:
    """A DBAPI cursor in autocommit, without SQLAlchemy's work per statement.

    It costs a third of a Core statement, so the four hot statements
    use it and nothing else does.
    """

    __slots__ = ("_begin", "_cursor", "_sqlite")

    def __init__(self, cursor: Any, *, sqlite: bool) -> None:
        self._cursor = cursor
        self._sqlite = sqlite
        self._begin: Statement = ("BEGIN IMMEDIATE" if sqlite else "BEGIN", ())

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run one statement with `%s` placeholders; gives the number of rows."""
        if self._sqlite:
            sql = sql.replace("%s", "?").replace("%%", "%")
        self._cursor.execute(sql, tuple(values))
        return int(self._cursor.rowcount)

    def execute_all(self, statements: Sequence[Statement]) -> list[int]:
        """Run statements one after the other in one round trip; gives their rows.

        The first that fails is raised, and those after it are not run.
        """
        if self._sqlite:
            return [self.execute(sql, values) for sql, values in statements]
        cursor = self._cursor
        cursor.execute(
            ";".join(sql for sql, _ in statements),
            tuple(value for _, values in statements for value in values),
        )
        counts = [int(cursor.rowcount)]
        while cursor.nextset():
            counts.append(int(cursor.rowcount))
        return counts

    def commit_all(
        self,
        statements: Sequence[Statement],
        *,
        let: Variables | None = None,
        then: Statement | None = None,
    ) -> list[int]:
        """Run statements as one transaction in one round trip; gives their rows.

        `let` is evaluated before it, so that no row is locked meanwhile; `then` is a
        SELECT after the COMMIT, whose rows may be fetched.
        """
        first, statements = self._let(let, statements) if let else ([], statements)
        last = [] if then is None else [then]
        counts: list[int] = []
        try:
            counts = self.execute_all([*first, self._begin, *statements, COMMIT, *last])
        finally:
            if not counts:
                self._rollback()
        begun = len(first) + 1
        return counts[begun : begun + len(statements)]

    def _let(
        self, variables: Variables, statements: Sequence[Statement]
    ) -> tuple[list[Statement], Sequence[Statement]]:
        """Put variables before statements, or where there are none, their values in."""
        if self._sqlite:
            found = {name: self._value(one) for name, one in variables.items()}
            return [], [_filled(statement, found) for statement in statements]
        # Not SET, whose subqueries lock what they read.
        select = ",".join(sql for sql, _ in variables.values())
        names = ",".join(f"@{name}" for name in variables)
        values = [value for _, bound in variables.values() for value in bound]
        return [(f"SELECT {select} INTO {names}", values)], statements

    def _value(self, expression: Statement) -> object:
        sql, values = expression
        self.execute(f"SELECT {sql}", values)
        return self.rows()[0][0]

    def rows(self) -> list[tuple[Any, ...]]:
        """Fetch what the last statement selected."""
        return list(self._cursor.fetchall())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Put several statements into one transaction; any error undoes them."""
        self.execute(*self._begin)
        is_committed = False
        try:
            yield
            self.execute(*COMMIT)
            is_committed = True
        finally:
            if not is_committed:
                self._rollback()

    def _rollback(self) -> None:
        # A broken connection has rolled back already.
        with suppress(pymysql.Error, sqlite3.Error, OSError):
            self.execute("ROLLBACK")


def _filled(statement: Statement, variables: Mapping[str, object]) -> Statement:
    sql, values = statement
    left, bound = iter(values), list[object]()
    for place in _PLACES.finditer(sql):
        bound.append(variables[place[1]] if place[1] else next(left))
    return _PLACES.sub("%s", sql), bound
