"""What happened to the platform itself: keys and users made and changed, by whom."""

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import (
    TABLE_OPTIONS,
    Base,
    UtcDateTime,
    identifier,
    serial,
)


class Event(Base):
    """One line of the audit log; its subject is a key's prefix or a user's name."""

    __tablename__ = "events"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(serial(), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
    kind: Mapped[str] = mapped_column(identifier(64))
    actor: Mapped[str] = mapped_column(identifier(64))
    subject: Mapped[str] = mapped_column(identifier(255))
    data: Mapped[str | None] = mapped_column(Text)
