"""What is kept of requests: which mutations were carried out under a key, and how many somebody made."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from persistence.tables.columns import in_workspace, instant, key, metadata, timestamps, workspace

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    key(),
    workspace(),
    Column("key", Text, nullable=False),
    # SHA-256 of who asked and for what.
    Column("request_hash", LargeBinary, nullable=False),
    # Which try may carry the request out, and until when.
    Column("claim", Uuid, nullable=False),
    instant("claimed_until", nullable=False),
    # By its response key, each mutation that was committed, by whichever try: the id of the API of the thing
    # that it was done to, or null.
    Column("done", JSONB, nullable=False, server_default=text("'{}'")),
    # As it was written: JSONB would bring its fields into another order.
    Column("answer", Text),
    instant("expires_at", nullable=False),
    *timestamps(),
    *in_workspace(),
    UniqueConstraint("workspace_id", "key"),
    Index("idempotency_keys_expires_at_idx", "expires_at"),
)

# Counts of this very minute: a crash may empty the table, so it needs no WAL.
rate_limits = Table(
    "rate_limits",
    metadata,
    # Who is counted: a key, a person, or an address from which somebody tries to log in.
    Column("subject", Text, primary_key=True),
    instant("window_start", nullable=False),
    Column("used", Integer, nullable=False),
    # What the last of the processes took of it at once.
    Column("granted", Integer, nullable=False),
    *timestamps(),
    prefixes=["UNLOGGED"],
)
