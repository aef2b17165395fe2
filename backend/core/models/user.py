"""Who owns keys and jobs."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import (
    TABLE_OPTIONS,
    Base,
    UtcDateTime,
    identifier,
    serial,
)

# What the platform does itself (preload, cleanup) belongs to this user.
SYSTEM_USER = "system"
ADMIN_USER = "admin"


class User(Base):
    """An owner of keys; fair shares are counted per user."""

    __tablename__ = "users"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(serial(), primary_key=True)
    name: Mapped[str] = mapped_column(identifier(64), unique=True)
    # Argon2id; NULL: has keys, but no login.
    password_hash: Mapped[str | None] = mapped_column(identifier(255))
    role: Mapped[str] = mapped_column(identifier(16), server_default="user")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
