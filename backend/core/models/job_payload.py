"""Request and result, apart from `jobs` so that lists stay light."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import (
    TABLE_OPTIONS,
    Base,
    UtcDateTime,
    identifier,
    long_text,
)


class JobPayload(Base):
    """A job's request and, once it succeeded, its result, as JSON.

    `original` is what the caller sent, where its protocol has to tell it again.
    """

    __tablename__ = "job_payloads"
    __table_args__ = TABLE_OPTIONS

    job_id: Mapped[str] = mapped_column(identifier(36), primary_key=True)
    request: Mapped[str | None] = mapped_column(long_text())
    result: Mapped[str | None] = mapped_column(long_text())
    original: Mapped[str | None] = mapped_column(long_text())
    # Retention dropped them: the difference between "no result" and "not kept".
    expired_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
