"""Room in the index that is a constraint: SQLAlchemy can say it of other indexes only."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER INDEX scheduled_emails_pkey SET (fillfactor = 50)")
