"""Payloads that go with their job's end, whatever retention says: a list of them."""

from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import TABLE_OPTIONS, Base, identifier


class UnkeptPayload(Base):
    """A job whose caller wants nothing of it kept.

    It is a table of its own, so that nobody else's job pays for an index.
    """

    __tablename__ = "unkept_payloads"
    __table_args__ = TABLE_OPTIONS

    job_id: Mapped[str] = mapped_column(identifier(36), primary_key=True)
