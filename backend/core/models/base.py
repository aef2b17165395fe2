"""What all mappings share: the base class, column types, names of constraints."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Integer, MetaData, String, Text, TypeDecorator
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import BigInteger, TypeEngine

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
# Identifiers compare byte by byte: MySQL's default collation makes `ABC` equal `abc`.
COLLATION = "utf8mb4_bin"
_MYSQL = ("mysql", "mariadb")


class Base(DeclarativeBase):
    """The base of all mappings."""

    metadata = MetaData(naming_convention=_NAMES)


# One table's options; names stay exact in every column that does not say otherwise.
TABLE_OPTIONS = {"mysql_charset": "utf8mb4", "mysql_collate": COLLATION}


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC with microseconds: aware in Python, naive UTC in the database."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Keep microseconds on MySQL, whose plain DATETIME drops them."""
        precise = mysql.DATETIME(fsp=6) if dialect.name in _MYSQL else DateTime()
        return dialect.type_descriptor(precise)

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Store the instant without its zone."""
        del dialect
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Give the instant its zone back."""
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


def identifier(length: int) -> TypeEngine[str]:
    """Make a column of exact names, compared byte by byte."""
    return String(length).with_variant(
        mysql.VARCHAR(length, collation=COLLATION), *_MYSQL
    )


def long_text() -> TypeEngine[str]:
    """Make a column for text of up to 4 GiB."""
    return Text().with_variant(mysql.LONGTEXT(), *_MYSQL)


def serial() -> TypeEngine[int]:
    """Make a numbered key (SQLite numbers only INTEGER)."""
    return BigInteger().with_variant(Integer(), "sqlite")
