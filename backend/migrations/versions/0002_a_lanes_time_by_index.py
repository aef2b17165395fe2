"""A lane's virtual time by index."""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Let the largest and smallest start of a lane be read without its jobs."""
    op.create_index("ix_jobs_time", "jobs", ["state", "lane", "fair_start"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_jobs_time", "jobs")
