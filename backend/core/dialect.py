"""The words in which MySQL, MariaDB and SQLite differ.

Every statement about jobs is written once; placeholders are `%s`, so a literal percent
sign is doubled.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words in which the three databases differ."""

    sqlite: bool

    @property
    def now(self) -> str:
        """Write the present moment, UTC: microseconds, or SQLite's milliseconds."""
        if self.sqlite:
            return "(strftime('%%Y-%%m-%%d %%H:%%M:%%f','now')||'000')"
        return "UTC_TIMESTAMP(6)"

    def later(self, milliseconds: str) -> str:
        """Write the moment that many milliseconds from now (an SQL expression)."""
        if self.sqlite:
            return (
                "(strftime('%%Y-%%m-%%d %%H:%%M:%%f','now',"
                f"(({milliseconds})/1000.0)||' seconds')||'000')"
            )
        return f"(UTC_TIMESTAMP(6) + INTERVAL ({milliseconds})*1000 MICROSECOND)"

    def after(self, moment: str, milliseconds: str) -> str:
        """Write the moment that many milliseconds after another; NULL stays NULL."""
        if self.sqlite:
            return (
                f"(strftime('%%Y-%%m-%%d %%H:%%M:%%f',{moment},"
                f"(({milliseconds})/1000.0)||' seconds')||'000')"
            )
        return f"({moment} + INTERVAL ({milliseconds})*1000 MICROSECOND)"

    def milliseconds_until(self, moment: str) -> str:
        """Write the milliseconds from now until a moment; negative when past."""
        if self.sqlite:
            return f"CAST((julianday({moment})-julianday('now'))*86400000 AS INTEGER)"
        return f"(TIMESTAMPDIFF(MICROSECOND,UTC_TIMESTAMP(6),{moment}) DIV 1000)"

    @property
    def by_primary_key(self) -> str:
        """Make an UPDATE lock by primary key only (JOBS.md 6)."""
        return "" if self.sqlite else "FORCE INDEX (PRIMARY)"

    @property
    def straight_join(self) -> str:
        """Read the left table first, so that its index gives the order."""
        return "CROSS JOIN" if self.sqlite else "STRAIGHT_JOIN"

    @property
    def smaller(self) -> str:
        """Name the function that gives the smaller of two values."""
        return "MIN" if self.sqlite else "LEAST"

    @property
    def greater(self) -> str:
        """Name the function that gives the greater of two values."""
        return "MAX" if self.sqlite else "GREATEST"
