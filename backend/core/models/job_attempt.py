"""What each attempt at a job did: written when the attempt ends, by who ends it."""

from datetime import datetime

from sqlalchemy import Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import TABLE_OPTIONS, Base, UtcDateTime, identifier


class JobAttempt(Base):
    """One attempt: where it ran, with what, and how it came out."""

    __tablename__ = "job_attempts"
    __table_args__ = TABLE_OPTIONS

    job_id: Mapped[str] = mapped_column(identifier(36), primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    outcome: Mapped[str] = mapped_column(identifier(48))
    node: Mapped[str | None] = mapped_column(identifier(64))
    worker: Mapped[str | None] = mapped_column(identifier(255))
    model: Mapped[str | None] = mapped_column(identifier(255))
    model_digest: Mapped[str | None] = mapped_column(identifier(80))
    options: Mapped[str | None] = mapped_column(Text)
    timings: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    finished_at: Mapped[datetime] = mapped_column(UtcDateTime())
