"""The catalogue: the models that callers may name."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Integer
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import TABLE_OPTIONS, Base, UtcDateTime, identifier


class Model(Base):
    """A model of the catalogue and the operator's policy for it; NULL = the default."""

    __tablename__ = "models"
    __table_args__ = TABLE_OPTIONS

    name: Mapped[str] = mapped_column(identifier(255), primary_key=True)
    allowed: Mapped[bool] = mapped_column(Boolean, default=True)
    preload: Mapped[bool] = mapped_column(Boolean, default=False)
    capabilities: Mapped[Any] = mapped_column(JSON, nullable=True)
    context_length: Mapped[int | None] = mapped_column(Integer)
    keep_alive_seconds: Mapped[int | None] = mapped_column(Integer)
    slots: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
