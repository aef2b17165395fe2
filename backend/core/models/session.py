"""Sessions of the UI: an opaque token that stands for a key."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import (
    TABLE_OPTIONS,
    Base,
    UtcDateTime,
    identifier,
    serial,
)


class Session(Base):
    """A login; only the token's hash is kept, and it dies with its key."""

    __tablename__ = "sessions"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(serial(), primary_key=True)
    token_hash: Mapped[str] = mapped_column(identifier(64), unique=True)
    key_id: Mapped[int] = mapped_column(
        ForeignKey("api_keys.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)
