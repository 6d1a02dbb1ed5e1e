"""Work that was asked for: batches, messages for the actors, and recalculations."""

from sqlalchemy import CheckConstraint as Check
from sqlalchemy import Column, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

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

batches = Table(
    "batches",
    metadata,
    key(),
    workspace(),
    Column("count", Integer, nullable=False),
    instant("starts_at", nullable=False),
    Column("delay_between_emails_s", Integer),
    Column("hourly_limit", Integer),
    *timestamps(),
    *in_workspace(),
    # A batch is a sequence of kind ONE_OFF: it has its id, its status and its emails.
    *same_workspace("id", table="sequences", ondelete="CASCADE"),
    Check("count > 0", name="count"),
    Check("delay_between_emails_s >= 0", name="delay_between_emails_s"),
    Check("hourly_limit > 0", name="hourly_limit"),
)

dispatches = Table(
    "dispatches",
    metadata,
    key(),
    Column("actor", Text, nullable=False),
    Column("workspace", Uuid),
    Column("email_count", Integer, nullable=False, server_default="0"),
    instant("published_at"),
    instant("taken_at"),
    instant("processed_at"),
    *timestamps(),
    Index("dispatches_waiting_idx", "actor", "created_at", postgresql_where=text("taken_at IS NULL")),
)

recalculations = Table(
    "recalculations",
    metadata,
    key(),
    workspace(),
    Column("cause", Text, nullable=False),
    Column("sequence_id", Uuid),
    Column("mailbox_id", Uuid),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Column("requested_by", Text, nullable=False),
    # What the person or key was called then; NULL when nobody asked but Drumbeat itself.
    Column("requested_by_name", Text),
    # The one that it was carried out together with, and whose figures are those of both.
    Column("part_of_id", Uuid),
    Column("status", Text, nullable=False, server_default="PENDING"),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("moved", Integer, nullable=False, server_default="0"),
    Column("unchanged", Integer, nullable=False, server_default="0"),
    Column("cancelled", Integer, nullable=False, server_default="0"),
    Column("infeasible", Integer, nullable=False, server_default="0"),
    Column("median_delay_s", Integer),
    Column("max_delay_s", Integer),
    Column("error", Text),
    instant("requested_at", nullable=False),
    instant("started_at"),
    instant("finished_at"),
    *timestamps(),
    *in_workspace(),
    *same_workspace("sequence_id", table="sequences"),
    *same_workspace("mailbox_id", table="mailboxes"),
    *same_workspace("part_of_id", table="recalculations"),
    one_of("status", ("PENDING", "RUNNING", "COMPLETED", "FAILED")),
    Index(
        "recalculations_open_idx",
        "workspace_id",
        "id",
        postgresql_where=text("status IN ('PENDING', 'RUNNING')"),
    ),
)
