"""Room in the indexes that are constraints: SQLAlchemy can say it of other indexes only."""

from alembic import op

revision = "0007"
down_revision = "0006"

_INDEXES = ("scheduled_emails_pkey", "scheduled_emails_workspace_id_id_key")


def upgrade() -> None:
    for name in _INDEXES:
        op.execute(f"ALTER INDEX {name} SET (fillfactor = 50)")
