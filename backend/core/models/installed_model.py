"""Which node has which model on disk; filled from the workers' snapshots."""

from datetime import datetime

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import (
    TABLE_OPTIONS,
    Base,
    UtcDateTime,
    identifier,
    long_text,
)


class InstalledModel(Base):
    """A model on one node's disk."""

    __tablename__ = "installed_models"
    __table_args__ = TABLE_OPTIONS

    node: Mapped[str] = mapped_column(identifier(64), primary_key=True)
    model: Mapped[str] = mapped_column(identifier(255), primary_key=True)
    digest: Mapped[str] = mapped_column(identifier(80))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime())
    # As Ollama wrote it: with nanoseconds, which no DATETIME keeps.
    modified_at: Mapped[str | None] = mapped_column(identifier(40))
    # JSON of Ollama's, in its order, which a JSON column of MySQL would not keep.
    details: Mapped[str | None] = mapped_column(Text)
    # All that `/api/show` says; long, so it is read only where it is asked for.
    description: Mapped[str | None] = mapped_column(long_text(), deferred=True)
