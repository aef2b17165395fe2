"""The tables of a durable job."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


# The column types as they were when this was written: a migration never changes.
def _name(length: int) -> sa.types.TypeEngine[str]:
    exact = mysql.VARCHAR(length, collation="utf8mb4_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def _time() -> sa.types.TypeEngine[datetime]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _long_text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def _serial() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", _serial(), nullable=False),
        sa.Column("at", _time(), nullable=False),
        sa.Column("kind", _name(64), nullable=False),
        sa.Column("actor", _name(64), nullable=False),
        sa.Column("subject", _name(255), nullable=False),
        sa.Column("data", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_at"), ["at"], unique=False)

    op.create_table(
        "installed_models",
        sa.Column("node", _name(64), nullable=False),
        sa.Column("model", _name(255), nullable=False),
        sa.Column("digest", _name(80), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", _time(), nullable=False),
        sa.PrimaryKeyConstraint("node", "model", name=op.f("pk_installed_models")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_table(
        "job_attempts",
        sa.Column("job_id", _name(36), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("outcome", _name(48), nullable=False),
        sa.Column("node", _name(64), nullable=True),
        sa.Column("worker", _name(255), nullable=True),
        sa.Column("model", _name(255), nullable=True),
        sa.Column("model_digest", _name(80), nullable=True),
        sa.Column("options", sa.Text(), nullable=True),
        sa.Column("timings", sa.Text(), nullable=True),
        sa.Column("started_at", _time(), nullable=True),
        sa.Column("finished_at", _time(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "attempt", name=op.f("pk_job_attempts")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_table(
        "job_payloads",
        sa.Column("job_id", _name(36), nullable=False),
        sa.Column("request", _long_text(), nullable=True),
        sa.Column("result", _long_text(), nullable=True),
        sa.Column("expired_at", _time(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_payloads")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_table(
        "jobs",
        sa.Column("id", _name(36), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", _name(16), nullable=False),
        sa.Column("model", _name(255), nullable=False),
        sa.Column("requested_model", _name(255), nullable=False),
        sa.Column("served_model", _name(255), nullable=True),
        sa.Column("lane", _name(264), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("queue_rank", sa.BigInteger(), nullable=False),
        sa.Column("fair_start", sa.BigInteger(), nullable=False),
        sa.Column("fair_finish", sa.BigInteger(), nullable=False),
        sa.Column("state", _name(10), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("claim_token", _name(64), nullable=True),
        sa.Column("lease_owner", _name(36), nullable=True),
        sa.Column("lease_expires_at", _time(), nullable=True),
        sa.Column("last_event_id", _name(48), nullable=True),
        sa.Column("worker", _name(255), nullable=True),
        sa.Column("node", _name(64), nullable=True),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("created_at", _time(), nullable=False),
        sa.Column("not_before", _time(), nullable=True),
        sa.Column("queue_expires_at", _time(), nullable=False),
        sa.Column("deadline_at", _time(), nullable=False),
        sa.Column("started_at", _time(), nullable=True),
        sa.Column("first_token_at", _time(), nullable=True),
        sa.Column("finished_at", _time(), nullable=True),
        sa.Column("cancel_requested_at", _time(), nullable=True),
        sa.Column("on_disconnect", _name(8), nullable=False),
        sa.Column("idempotency_key", _name(255), nullable=True),
        sa.Column("body_hash", _name(64), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("request_id", _name(128), nullable=True),
        sa.Column("traceparent", _name(64), nullable=True),
        sa.Column("replay_of", _name(36), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("done_reason", _name(32), nullable=True),
        sa.Column("timings", sa.Text(), nullable=True),
        sa.Column("error_code", _name(48), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint(
            "owner_id", "idempotency_key", name=op.f("uq_jobs_owner_id_idempotency_key")
        ),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(
            "ix_jobs_claim", ["state", "lane", "queue_rank", "id"], unique=False
        )
        batch_op.create_index(
            "ix_jobs_expiry", ["state", "queue_expires_at"], unique=False
        )
        batch_op.create_index(
            "ix_jobs_fairness",
            ["owner_id", "lane", "state", "fair_finish"],
            unique=False,
        )
        batch_op.create_index("ix_jobs_owner", ["owner_id", "id"], unique=False)

    op.create_table(
        "maintenance_runs",
        sa.Column("name", _name(64), nullable=False),
        sa.Column("runner", _name(36), nullable=True),
        sa.Column("started_at", _time(), nullable=True),
        sa.Column("finished_at", _time(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("outcome", _name(16), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_maintenance_runs")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_table(
        "models",
        sa.Column("name", _name(255), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("preload", sa.Boolean(), nullable=False),
        sa.Column("capabilities", sa.JSON(), nullable=True),
        sa.Column("context_length", sa.Integer(), nullable=True),
        sa.Column("keep_alive_seconds", sa.Integer(), nullable=True),
        sa.Column("slots", sa.Integer(), nullable=True),
        sa.Column("created_at", _time(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_models")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_table(
        "users",
        sa.Column("id", _serial(), nullable=False),
        sa.Column("name", _name(64), nullable=False),
        sa.Column("created_at", _time(), nullable=False),
        sa.Column("disabled_at", _time(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_table(
        "api_keys",
        sa.Column("id", _serial(), nullable=False),
        sa.Column("user_id", _serial(), nullable=False),
        sa.Column("name", _name(64), nullable=False),
        sa.Column("prefix", _name(24), nullable=False),
        sa.Column("hash", _name(64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("rpm", sa.Integer(), nullable=True),
        sa.Column("tpm", sa.Integer(), nullable=True),
        sa.Column("daily_tokens", sa.Integer(), nullable=True),
        sa.Column("max_concurrency", sa.Integer(), nullable=True),
        sa.Column("highest_priority", _name(8), nullable=False),
        sa.Column("allowed_models", sa.JSON(), nullable=True),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("created_at", _time(), nullable=False),
        sa.Column("expires_at", _time(), nullable=True),
        sa.Column("last_used_at", _time(), nullable=True),
        sa.Column("disabled_at", _time(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_api_keys_user_id"), ["user_id"], unique=False
        )

    op.create_table(
        "sessions",
        sa.Column("id", _serial(), nullable=False),
        sa.Column("token_hash", _name(64), nullable=False),
        sa.Column("key_id", _serial(), nullable=False),
        sa.Column("created_at", _time(), nullable=False),
        sa.Column("expires_at", _time(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["api_keys.id"],
            name=op.f("fk_sessions_key_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sessions_expires_at"), ["expires_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_sessions_key_id"), ["key_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_key_id"))
        batch_op.drop_index(batch_op.f("ix_sessions_expires_at"))

    op.drop_table("sessions")
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_keys_user_id"))

    op.drop_table("api_keys")
    op.drop_table("users")
    op.drop_table("models")
    op.drop_table("maintenance_runs")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index("ix_jobs_owner")
        batch_op.drop_index("ix_jobs_fairness")
        batch_op.drop_index("ix_jobs_expiry")
        batch_op.drop_index("ix_jobs_claim")

    op.drop_table("jobs")
    op.drop_table("job_payloads")
    op.drop_table("job_attempts")
    op.drop_table("installed_models")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_events_at"))

    op.drop_table("events")
