"""Workspaces, who may enter them, and what they did."""

from functools import partial
from secrets import randbits

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from domain.access import MemberRole, Scope
from domain.contact_gap import WIDEST_GAP
from persistence.tables.columns import in_workspace, instant, key, metadata, one_of, timestamps, workspace

_SCOPES = ", ".join(f"'{scope}'" for scope in Scope)

workspaces = Table(
    "workspaces",
    metadata,
    key(),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False, server_default="UTC"),
    # The send window of sequences that have none; NULL means every hour of every day.
    Column("send_window", JSONB),
    # Since when nothing is sent, for all sequences and mailboxes alike.
    instant("sending_paused_at"),
    # How many days lie between emails that one contact gets from different enrollments; NULL is any number.
    Column("contact_min_gap_days", Integer),
    # What jitter and day variation are drawn with: another one is another plan.
    Column(
        "planning_seed", BigInteger, nullable=False, default=partial(randbits, 32), server_default=text("0")
    ),
    Column("version", Integer, nullable=False, server_default="1"),
    *timestamps(),
    CheckConstraint(f"contact_min_gap_days BETWEEN 1 AND {WIDEST_GAP}", name="contact_min_gap_days"),
)

users = Table(
    "users",
    metadata,
    key(),
    # Whom the provider calls so is one person for ever; an address may pass to another (OIDC Core §5.7).
    Column("issuer", Text, nullable=False),
    Column("sub", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("avatar_url", Text),
    *timestamps(),
    UniqueConstraint("issuer", "sub"),
)

members = Table(
    "members",
    metadata,
    key(),
    workspace(),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("role", Text, nullable=False),
    *timestamps(),
    *in_workspace(),
    one_of("role", MemberRole),
    UniqueConstraint("workspace_id", "user_id"),
    Index("members_user_id_idx", "user_id"),
)

invitations = Table(
    "invitations",
    metadata,
    key(),
    workspace(),
    Column("email", Text, nullable=False),
    Column("normalised_email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("invited_by", Text, nullable=False),
    instant("expires_at", nullable=False),
    *timestamps(),
    *in_workspace(),
    one_of("role", MemberRole),
    UniqueConstraint("workspace_id", "normalised_email"),
    Index("invitations_normalised_email_idx", "normalised_email"),
)

# Logins that began and have not come back yet: each may come back once.
logins = Table(
    "logins",
    metadata,
    # SHA-256 of what the browser's cookie holds.
    Column("token_hash", LargeBinary, primary_key=True),
    instant("expires_at", nullable=False),
    *timestamps(),
)

sessions = Table(
    "sessions",
    metadata,
    key(),
    workspace(),
    Column("user_id", Uuid, nullable=False),
    # SHA-256 of what the browser's cookie holds.
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    instant("last_used_at", nullable=False),
    instant("expires_at", nullable=False),
    *timestamps(),
    *in_workspace(),
    # Who is no member any more has no session either.
    ForeignKeyConstraint(
        ["workspace_id", "user_id"], ["members.workspace_id", "members.user_id"], ondelete="CASCADE"
    ),
    Index("sessions_workspace_id_user_id_idx", "workspace_id", "user_id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    key(),
    workspace(),
    Column("name", Text, nullable=False),
    # SHA-256 of the key; the key itself is shown once and kept nowhere.
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False),
    instant("expires_at"),
    instant("revoked_at"),
    instant("last_used_at"),
    *timestamps(),
    *in_workspace(),
    CheckConstraint(f"scopes <@ ARRAY[{_SCOPES}] AND cardinality(scopes) > 0", name="scopes"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    workspace(),
    Column("actor", Text, nullable=False),
    # As they were called then: people and keys come and go.
    Column("actor_name", Text, nullable=False),
    # A mutation, in the spelling of the API, and what it was asked for, without secrets.
    Column("action", Text, nullable=False),
    Column("asked", JSONB),
    # What it was done to: a kind of node, and its id; neither where it was done to many.
    Column("object_kind", Text),
    Column("object_id", Uuid),
    # By column, what changed; only *after* for what was made, only *before* for what was removed.
    Column("before", JSONB),
    Column("after", JSONB),
    instant("at", nullable=False),
    *timestamps(),
    *in_workspace(),
    CheckConstraint("(object_kind IS NULL) = (object_id IS NULL)", name="object_is_whole"),
    Index("audit_log_workspace_id_object_id_idx", "workspace_id", "object_id", "id"),
)

suppressions = Table(
    "suppressions",
    metadata,
    key(),
    workspace(),
    Column("address", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("email_id", Uuid),
    *timestamps(),
    *in_workspace(),
    one_of("reason", ("HARD_BOUNCE", "UNSUBSCRIBED", "COMPLAINT", "MANUAL", "DELETED")),
    UniqueConstraint("workspace_id", "address"),
    # Few among many, and looked for again and again.
    Index("suppressions_complaints_idx", "workspace_id", postgresql_where=text("reason = 'COMPLAINT'")),
)

schedule_runs = Table(
    "schedule_runs",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("job", Text, primary_key=True),
    # In the workspace's zone.
    Column("day", Date, primary_key=True),
    *timestamps(),
)
