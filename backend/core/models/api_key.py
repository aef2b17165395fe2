"""API keys: shown once, stored as a hash with a visible prefix."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Integer, false
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import (
    TABLE_OPTIONS,
    Base,
    UtcDateTime,
    identifier,
    serial,
)


class ApiKey(Base):
    """A key and what it allows; a limit that is NULL does not limit."""

    __tablename__ = "api_keys"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(serial(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(identifier(64))
    prefix: Mapped[str] = mapped_column(identifier(24))
    hash: Mapped[str] = mapped_column(identifier(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    rpm: Mapped[int | None] = mapped_column(Integer)
    tpm: Mapped[int | None] = mapped_column(Integer)
    daily_tokens: Mapped[int | None] = mapped_column(Integer)
    max_concurrency: Mapped[int | None] = mapped_column(Integer)
    highest_priority: Mapped[str] = mapped_column(identifier(8), default="high")
    allowed_models: Mapped[Any] = mapped_column(JSON, nullable=True)
    weight: Mapped[float] = mapped_column(Float, default=1.0)
    # The first key of those that share their limits: successors, and what a user made
    # with a key; NULL: this one.
    lineage_id: Mapped[int | None] = mapped_column(BigInteger)
    # The key that this one replaced.
    rotated_from: Mapped[int | None] = mapped_column(BigInteger)
    # The key that its user made it with, and which it ends with; NULL: none.
    made_with: Mapped[int | None] = mapped_column(BigInteger)
    # Stands for its user's logins; nobody knows its secret.
    is_login: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=false()
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
