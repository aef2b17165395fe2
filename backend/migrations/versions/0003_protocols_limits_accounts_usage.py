"""What other protocols, limits, accounts and usage need.

Every column may be left out by the code of before: it is nullable or has a default.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


_LIMITS = ("rpm", "tpm", "daily_tokens", "max_concurrency")


# The column types as they were when this was written: a migration never changes.
def _name(length: int) -> sa.types.TypeEngine[str]:
    exact = mysql.VARCHAR(length, collation="utf8mb4_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def _time() -> sa.types.TypeEngine[datetime]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _long_text() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(
            sa.Column("protocol", _name(16), nullable=False, server_default="native")
        )
        jobs.add_column(sa.Column("limits_id", sa.BigInteger(), nullable=True))
        jobs.create_index("ix_jobs_finished_at", ["finished_at"])
    with op.batch_alter_table("job_payloads") as payloads:
        payloads.add_column(sa.Column("original", _long_text(), nullable=True))
    op.create_table(
        "unkept_payloads",
        sa.Column("job_id", _name(36), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_unkept_payloads")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    with op.batch_alter_table("api_keys") as keys:
        keys.add_column(sa.Column("lineage_id", sa.BigInteger(), nullable=True))
        keys.add_column(sa.Column("rotated_from", sa.BigInteger(), nullable=True))
        keys.add_column(sa.Column("made_with", sa.BigInteger(), nullable=True))
        keys.add_column(
            sa.Column(
                "is_login", sa.Boolean(), nullable=False, server_default=sa.false()
            )
        )
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("password_hash", _name(255), nullable=True))
        users.add_column(
            sa.Column("role", _name(16), nullable=False, server_default="user")
        )
        for name in _LIMITS:
            users.add_column(sa.Column(name, sa.Integer(), nullable=True))
        users.add_column(
            sa.Column(
                "highest_priority", _name(8), nullable=False, server_default="high"
            )
        )
        users.add_column(sa.Column("allowed_models", sa.JSON(), nullable=True))
        users.add_column(
            sa.Column("weight", sa.Float(), nullable=False, server_default="1")
        )
    # A key does no more than its user's role allows.
    op.execute(
        "UPDATE users SET role='admin' WHERE id IN (SELECT user_id FROM api_keys"
        " WHERE disabled_at IS NULL AND CAST(scopes AS CHAR) LIKE '%admin%')"
    )
    with op.batch_alter_table("installed_models") as installed:
        installed.add_column(sa.Column("modified_at", _name(40), nullable=True))
        installed.add_column(sa.Column("details", sa.Text(), nullable=True))
        installed.add_column(sa.Column("description", _long_text(), nullable=True))
    _create_usage()


def _create_usage() -> None:
    counts = ("requests", "succeeded", "failed", "cancelled", "expired")
    tokens = ("prompt_tokens", "completion_tokens")
    op.create_table(
        "usage_hourly",
        sa.Column("hour", _time(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.Column("model", _name(255), nullable=False),
        sa.Column("node", _name(64), nullable=False),
        sa.Column("kind", _name(16), nullable=False),
        sa.Column("protocol", _name(16), nullable=False),
        *(sa.Column(n, sa.BigInteger(), nullable=False) for n in (*counts, *tokens)),
        sa.PrimaryKeyConstraint(
            *("hour", "user_id", "key_id", "model", "node", "kind", "protocol"),
            name=op.f("pk_usage_hourly"),
        ),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def downgrade() -> None:
    op.drop_table("usage_hourly")
    op.drop_table("unkept_payloads")
    with op.batch_alter_table("installed_models") as installed:
        installed.drop_column("description")
        installed.drop_column("details")
        installed.drop_column("modified_at")
    # SQLite makes a table anew otherwise, and with it goes what refers to it.
    with op.batch_alter_table("users", recreate="never") as users:
        for name in ("weight", "allowed_models", "highest_priority", *_LIMITS):
            users.drop_column(name)
        users.drop_column("role")
        users.drop_column("password_hash")
    with op.batch_alter_table("api_keys", recreate="never") as keys:
        keys.drop_column("is_login")
        keys.drop_column("made_with")
        keys.drop_column("rotated_from")
        keys.drop_column("lineage_id")
    with op.batch_alter_table("job_payloads") as payloads:
        payloads.drop_column("original")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_index("ix_jobs_finished_at")
        jobs.drop_column("limits_id")
        jobs.drop_column("protocol")
