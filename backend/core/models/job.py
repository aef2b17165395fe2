"""A job: the row that decides everything (JOBS.md).

The table is narrow, so that lists and claims stay light; request and result are in
`job_payloads`. It has no foreign keys: checking them would lock rows of `users` in the
hottest transaction, and who owns jobs is never deleted.

Each index has one reader:
    claim:    due jobs of a lane in rank order, without a filesort (JOBS.md 9)
    fairness: an owner's largest finish tag in a lane (JOBS.md 8)
    time:     a lane's virtual time: largest and smallest start (JOBS.md 8)
    expiry:   queued jobs whose wait is over (recovery)
    owner:    a user's own jobs, newest first
    finished: what ended in an hour (usage)
    unique:   one job per owner and idempotency key (JOBS.md 27)
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, SmallInteger, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.models.base import TABLE_OPTIONS, Base, UtcDateTime, identifier


class Job(Base):
    """One accepted request and its way to exactly one final state."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_claim", "state", "lane", "queue_rank", "id"),
        Index("ix_jobs_fairness", "owner_id", "lane", "state", "fair_finish"),
        Index("ix_jobs_time", "state", "lane", "fair_start"),
        Index("ix_jobs_expiry", "state", "queue_expires_at"),
        Index("ix_jobs_owner", "owner_id", "id"),
        Index("ix_jobs_finished_at", "finished_at"),
        UniqueConstraint("owner_id", "idempotency_key"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(identifier(36), primary_key=True)
    owner_id: Mapped[int] = mapped_column(BigInteger)
    key_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(identifier(16))
    protocol: Mapped[str] = mapped_column(identifier(16), server_default="native")
    # Whose limits hold a reservation for it (`api_keys.lineage_id`); NULL: nobody's.
    limits_id: Mapped[int | None] = mapped_column(BigInteger)
    model: Mapped[str] = mapped_column(identifier(255))
    requested_model: Mapped[str] = mapped_column(identifier(255))
    served_model: Mapped[str | None] = mapped_column(identifier(255))

    # Who is next
    lane: Mapped[str] = mapped_column(identifier(264))
    priority: Mapped[int] = mapped_column(SmallInteger)
    queue_rank: Mapped[int] = mapped_column(BigInteger)
    fair_start: Mapped[int] = mapped_column(BigInteger)
    fair_finish: Mapped[int] = mapped_column(BigInteger)

    # Where it stands
    state: Mapped[str] = mapped_column(identifier(10))
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    claim_token: Mapped[str | None] = mapped_column(identifier(64))
    lease_owner: Mapped[str | None] = mapped_column(identifier(36))
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    last_event_id: Mapped[str | None] = mapped_column(identifier(48))
    worker: Mapped[str | None] = mapped_column(identifier(255))
    node: Mapped[str | None] = mapped_column(identifier(64))
    progress: Mapped[str | None] = mapped_column(Text)

    # When
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime())
    queue_expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    deadline_at: Mapped[datetime] = mapped_column(UtcDateTime())
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    first_token_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime())

    # What the caller said
    on_disconnect: Mapped[str] = mapped_column(identifier(8))
    idempotency_key: Mapped[str | None] = mapped_column(identifier(255))
    body_hash: Mapped[str | None] = mapped_column(identifier(64))
    caller_metadata: Mapped[str | None] = mapped_column("metadata", Text)
    request_id: Mapped[str | None] = mapped_column(identifier(128))
    traceparent: Mapped[str | None] = mapped_column(identifier(64))
    replay_of: Mapped[str | None] = mapped_column(identifier(36))

    # How it ended
    prompt_tokens: Mapped[int | None] = mapped_column(Integer)
    completion_tokens: Mapped[int | None] = mapped_column(Integer)
    done_reason: Mapped[str | None] = mapped_column(identifier(32))
    timings: Mapped[str | None] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(identifier(48))
    error: Mapped[str | None] = mapped_column(Text)
