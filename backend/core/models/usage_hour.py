"""What was used in an hour that is over: sums of the jobs that ended in it."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import TABLE_OPTIONS, Base, UtcDateTime, identifier


class UsageHour(Base):
    """Counts of one hour, key, model, node, kind and protocol; '' and 0 are "none"."""

    __tablename__ = "usage_hourly"
    __table_args__ = TABLE_OPTIONS

    hour: Mapped[datetime] = mapped_column(UtcDateTime(), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    key_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False
    )
    model: Mapped[str] = mapped_column(identifier(255), primary_key=True)
    node: Mapped[str] = mapped_column(identifier(64), primary_key=True)
    kind: Mapped[str] = mapped_column(identifier(16), primary_key=True)
    protocol: Mapped[str] = mapped_column(identifier(16), primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger)
    succeeded: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)
    cancelled: Mapped[int] = mapped_column(BigInteger)
    expired: Mapped[int] = mapped_column(BigInteger)
    prompt_tokens: Mapped[int] = mapped_column(BigInteger)
    completion_tokens: Mapped[int] = mapped_column(BigInteger)
