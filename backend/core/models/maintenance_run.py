"""The last run of each scheduled task; its row is also the lock between two beats."""

from datetime import datetime

from sqlalchemy import Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import TABLE_OPTIONS, Base, UtcDateTime, identifier


class MaintenanceRun(Base):
    """When a task last ran, for how long, and what came of it."""

    __tablename__ = "maintenance_runs"
    __table_args__ = TABLE_OPTIONS

    name: Mapped[str] = mapped_column(identifier(64), primary_key=True)
    runner: Mapped[str | None] = mapped_column(identifier(36))
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    duration_ms: Mapped[int | None] = mapped_column(Integer)
    outcome: Mapped[str | None] = mapped_column(identifier(16))
    detail: Mapped[str | None] = mapped_column(Text)
