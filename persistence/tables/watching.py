"""What is watched: alerts of a workspace, and figures of the whole installation."""

from sqlalchemy import CheckConstraint as Check
from sqlalchemy import Column, DateTime, Float, Index, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB

from domain.alerts import AlertKind, AlertSeverity
from persistence.tables.columns import (
    in_workspace,
    instant,
    key,
    metadata,
    one_of,
    same_workspace,
    timestamps,
    workspace,
)

alerts = Table(
    "alerts",
    metadata,
    key(),
    workspace(),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    # What it is about; NULL is the workspace as a whole.
    Column("mailbox_id", Uuid),
    # What was measured when it was raised, and the bound that it reached.
    Column("figure", Float),
    Column("threshold", Float),
    # Business time.
    instant("opened_at", nullable=False),
    instant("closed_at"),
    *timestamps(),
    *in_workspace(),
    *same_workspace("mailbox_id", table="mailboxes", ondelete="CASCADE"),
    one_of("kind", AlertKind),
    one_of("severity", AlertSeverity),
    Check("closed_at >= opened_at", name="closed_at"),
    # Each is open once, however often its cause is found.
    Index(
        "alerts_open_key",
        "workspace_id",
        "kind",
        text("coalesce(mailbox_id, workspace_id)"),
        unique=True,
        postgresql_where=text("closed_at IS NULL"),
    ),
)

# Counts that are taken for everybody at once, and too dear to be taken for each who asks.
figures = Table(
    "figures",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSONB, nullable=False),
    # Real time.
    Column("measured_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    *timestamps(),
)
