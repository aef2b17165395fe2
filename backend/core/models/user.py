"""Who owns keys and jobs."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Float, Integer
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
    """An owner of keys; fair shares are counted per user.

    Its limits bound all of its keys together; one that is NULL does not limit. Priority
    and models bound each key, and the weight multiplies each key's.
    """

    __tablename__ = "users"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(serial(), primary_key=True)
    name: Mapped[str] = mapped_column(identifier(64), unique=True)
    # Argon2id; NULL: has keys, but no login.
    password_hash: Mapped[str | None] = mapped_column(identifier(255))
    role: Mapped[str] = mapped_column(identifier(16), server_default="user")
    rpm: Mapped[int | None] = mapped_column(Integer)
    tpm: Mapped[int | None] = mapped_column(Integer)
    daily_tokens: Mapped[int | None] = mapped_column(Integer)
    max_concurrency: Mapped[int | None] = mapped_column(Integer)
    highest_priority: Mapped[str] = mapped_column(
        identifier(8), default="high", server_default="high"
    )
    allowed_models: Mapped[Any] = mapped_column(JSON, nullable=True)
    weight: Mapped[float] = mapped_column(Float, default=1.0, server_default="1")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
