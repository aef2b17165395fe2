"""Which node has which model on disk; filled from the workers' snapshots."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import TABLE_OPTIONS, Base, UtcDateTime, identifier


class InstalledModel(Base):
    """A model on one node's disk."""

    __tablename__ = "installed_models"
    __table_args__ = TABLE_OPTIONS

    node: Mapped[str] = mapped_column(identifier(64), primary_key=True)
    model: Mapped[str] = mapped_column(identifier(255), primary_key=True)
    digest: Mapped[str] = mapped_column(identifier(80))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime())
