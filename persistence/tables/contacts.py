"""Contacts, their enrollments, and the imports that they came by."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    Interval,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy import CheckConstraint as Check
from sqlalchemy.dialects.postgresql import JSONB

from domain.imports import ImportStatus
from domain.lifecycle import CONTACT, ENROLLMENT
from persistence.tables.columns import (
    in_workspace,
    instant,
    key,
    metadata,
    one_of,
    same_workspace,
    status,
    timestamps,
    workspace,
)

contacts = Table(
    "contacts",
    metadata,
    key(),
    workspace(),
    Column("email", Text, nullable=False),
    # Stored, because lower() is not leakproof: an index on it is not used under row-level security.
    Column("normalised_email", Text, nullable=False),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("company", Text),
    Column("phone", Text),
    Column("zone", Text),
    Column("custom_fields", JSONB, nullable=False, server_default=text("'{}'")),
    *status(CONTACT),
    instant("bounced_at"),
    # Emails given up because their mailbox stayed full.
    Column("soft_bounces", Integer, nullable=False, server_default="0"),
    instant("unsubscribed_at"),
    instant("deleted_at"),
    # The import that brought it, or brought it up to date last.
    Column("import_id", Uuid),
    Column("version", Integer, nullable=False, server_default="1"),
    *timestamps(),
    *in_workspace(),
    *same_workspace("import_id", table="imports"),
    Index(
        "contacts_live_normalised_email_key",
        "workspace_id",
        "normalised_email",
        unique=True,
        postgresql_where=text("status <> 'DELETED'"),
    ),
    # Of these there are few among many.
    Index(
        "contacts_unreachable_idx",
        "workspace_id",
        "status",
        "id",
        postgresql_where=text("status <> 'ACTIVE'"),
    ),
    Index("contacts_import_id_idx", "import_id", postgresql_where=text("import_id IS NOT NULL")),
)

imports = Table(
    "imports",
    metadata,
    key(),
    workspace(),
    Column("status", Text, nullable=False, server_default="RUNNING"),
    Column("name", Text),
    Column("requested_by", Text, nullable=False),
    # So far, while it runs.
    Column("rows", Integer, nullable=False, server_default="0"),
    Column("created", Integer, nullable=False, server_default="0"),
    Column("updated", Integer, nullable=False, server_default="0"),
    Column("duplicates", Integer, nullable=False, server_default="0"),
    Column("invalid", Integer, nullable=False, server_default="0"),
    Column("suppressed", Integer, nullable=False, server_default="0"),
    # Of the file, and of how many if the client said so.
    Column("bytes_read", BigInteger, nullable=False, server_default="0"),
    Column("bytes_total", BigInteger),
    Column("error", Text),
    instant("finished_at"),
    *timestamps(),
    *in_workspace(),
    one_of("status", ImportStatus),
)

# Rows of a file that could not be taken.
import_errors = Table(
    "import_errors",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    workspace(),
    Column("import_id", Uuid, nullable=False),
    Column("line", Integer, nullable=False),
    Column("field", Text),
    Column("email", Text),
    Column("reason", Text, nullable=False),
    *timestamps(),
    *same_workspace("import_id", table="imports", ondelete="CASCADE"),
    Index("import_errors_import_id_idx", "import_id", "id"),
)

enrollments = Table(
    "enrollments",
    metadata,
    key(),
    workspace(),
    Column("sequence_id", Uuid, nullable=False),
    Column("contact_id", Uuid, nullable=False),
    # The sender of the whole itinerary; bound when the first step is placed. No foreign key: the emails that
    # are planned with it have one, and mailboxes are never deleted.
    Column("mailbox_id", Uuid),
    *status(ENROLLMENT),
    instant("enrolled_at", nullable=False),
    instant("started_at"),
    Column("current_step", Integer, nullable=False, server_default="0"),
    instant("next_send_at"),
    instant("paused_at"),
    instant("completed_at"),
    # What may leave next: the step at this position, not before this instant; and the day of the last one.
    Column("next_position", Integer, nullable=False, server_default="1"),
    instant("next_not_before"),
    Column("last_window_day", Date),
    # Time on hold since its last step was settled, or since it was enrolled: no wait counts it.
    Column("held_for", Interval, nullable=False, server_default="0"),
    # NULL asks the planner to look at this enrollment: it is new, or reality left the plan.
    instant("planned_at"),
    # When its plan was last changed. Not the same column: one that an index asks for is dear to change.
    instant("replanned_at"),
    # When it gave its place to a newcomer of another sequence, which it does once at most.
    instant("displaced_at"),
    Column("version", Integer, nullable=False, server_default="1"),
    *timestamps(),
    *in_workspace(),
    *same_workspace("sequence_id", table="sequences"),
    *same_workspace("contact_id", table="contacts"),
    Check("next_position >= 1", name="next_position"),
    Check("current_step >= 0", name="current_step"),
    Index(
        "enrollments_open_sequence_id_contact_id_key",
        "sequence_id",
        "contact_id",
        unique=True,
        postgresql_where=text("status IN ('ACTIVE', 'PAUSED')"),
    ),
    Index(
        "enrollments_unplanned_idx",
        "workspace_id",
        "enrolled_at",
        "id",
        postgresql_where=text("planned_at IS NULL AND status = 'ACTIVE'"),
    ),
    # In the order of lists, those of a sequence with the status, which its counts need.
    Index("enrollments_sequence_id_idx", "sequence_id", "id", postgresql_include=["status"]),
    # Neither at the beginning nor at the usual end does an enrollment get an entry here.
    Index(
        "enrollments_unusual_idx",
        "workspace_id",
        "status",
        "id",
        postgresql_where=text("status <> 'ACTIVE' AND status <> 'COMPLETED'"),
    ),
    # None by mailbox: a rebalance gives thousands another one, in place while no index has to know of it.
    Index("enrollments_contact_id_idx", "contact_id"),
    # Room in each page for the next version of its rows: every plan and every email sent makes one.
    postgresql_with={"fillfactor": 50},
)
