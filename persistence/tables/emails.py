"""Scheduled emails: the timetable, the outbox and the archive in one table, and what happened to each."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    event,
    text,
)
from sqlalchemy import CheckConstraint as Check
from sqlalchemy.dialects.postgresql import ARRAY

from domain.itineraries import UnplacedReason
from domain.lifecycle import EMAIL, PHASE_OF
from persistence.tables.columns import (
    gone_with_workspace,
    instant,
    key,
    metadata,
    one_of,
    same_workspace,
    status,
    timestamps,
    workspace,
)

# Word for word as PostgreSQL repeats them, or Alembic sees a change.
_PHASES = " ".join(f"WHEN '{status}'::text THEN '{phase}'::text" for status, phase in PHASE_OF.items())
_PHASE = f"CASE status {_PHASES} ELSE NULL::text END"
# An email that is given another time gets a new entry in every index, beside its old one where the key stays:
# with room for it no page has to be split. Those of constraints get it afterwards (migration 0007).
_ROOM = {"fillfactor": 50}
# As lists are ordered (`persistence/reading/pages.py:instant_key`), in PostgreSQL's own spelling.
_SEND_AT = (
    "(\nCASE\n    WHEN send_at IS NULL THEN 'infinity'::timestamp with time zone\n    ELSE send_at\nEND)"
)
_LIVE_STEP_ID = "CASE WHEN status <> 'CANCELLED'::text THEN step_id ELSE NULL::uuid END"

scheduled_emails = Table(
    "scheduled_emails",
    metadata,
    key(),
    workspace(),
    Column("sequence_id", Uuid, nullable=False),
    Column("enrollment_id", Uuid, nullable=False),
    Column("contact_id", Uuid, nullable=False),
    Column("step_id", Uuid, nullable=False),
    Column("mailbox_id", Uuid),
    *status(EMAIL),
    # For indexes: PostgreSQL changes a row in place, without touching any of them, when no column that one of
    # them names gets another value. The status would, at each of four steps; these do at the last or at none.
    Column("phase", Text, Computed(_PHASE, persisted=True), nullable=False),
    Column("live_step_id", Uuid, Computed(_LIVE_STEP_ID, persisted=True)),
    # When it was planned, nothing of its enrollment had left, and nothing was planned before it.
    # It is claimed after follow-ups.
    Column("is_first_touch", Boolean, nullable=False, server_default=text("false")),
    # Planned business time; NULL with a reason when there is no slot.
    instant("send_at"),
    Column("unplaced_reason", Text),
    # Local date, in the window's zone, on which the window opened; waits count from it.
    Column("window_day", Date),
    # The mailbox's local date of send_at, and of the attempt that the budget was taken from.
    Column("send_day", Date),
    Column("quota_day", Date),
    # Why the gate or a failure gave it back to the planner, until it is placed again.
    Column("released_because", Text),
    # Somebody chose its time: only a rule that breaks moves it.
    Column("is_set_by_hand", Boolean, nullable=False, server_default=text("false")),
    # Somebody took it out: the contact is not sent its step any more.
    Column("is_skipped", Boolean, nullable=False, server_default=text("false")),
    # The fence, only grows; clear 4xx replies; leases that ran out while it was sent alone.
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("retry_count", Integer, nullable=False, server_default="0"),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("attempt_token", Uuid),
    # Leases are by the database's clock, never by business time.
    instant("lease_until"),
    # Of a retry; and of an email in doubt that goes out once more by itself.
    instant("retry_at"),
    instant("last_attempt_at"),
    Column("last_error", Text),
    Column("failure_reason", Text),
    instant("committing_at"),
    instant("sent_at"),
    # What was really written; filled by the first attempt and the same on every later one. No index finds an
    # email by its Message-ID: that begins with the email's own id.
    Column("message_id", Text),
    Column("thread_root", Text),
    Column("parent_message_id", Text),
    Column("thread_references", ARRAY(Text)),
    # No foreign key: it would be looked up for every letter, and versions go with their workspace alone.
    Column("step_version_id", Uuid),
    Column("subject", Text),
    *timestamps(),
    gone_with_workspace(),
    *same_workspace("sequence_id", table="sequences"),
    *same_workspace("enrollment_id", table="enrollments"),
    *same_workspace("contact_id", table="contacts"),
    *same_workspace("step_id", table="steps"),
    *same_workspace("mailbox_id", table="mailboxes"),
    one_of("unplaced_reason", UnplacedReason),
    Check(
        "status <> 'PENDING' OR ((send_at IS NULL) = (unplaced_reason IS NOT NULL))",
        name="pending_has_slot_or_reason",
    ),
    Check("status <> 'PENDING' OR send_at IS NULL OR mailbox_id IS NOT NULL", name="slot_has_mailbox"),
    Check("status = 'CANCELLED' OR NOT is_skipped", name="skipped_is_cancelled"),
    Check("retry_count BETWEEN 0 AND 3", name="retry_count"),
    Check("attempt >= 0 AND crashes >= 0", name="counters"),
    Index(
        "scheduled_emails_live_enrollment_id_step_id_key",
        "enrollment_id",
        "live_step_id",
        unique=True,
        postgresql_with=_ROOM,
    ),
    # In the order of claims: reading ends with as many as a mailbox may be given.
    Index(
        "scheduled_emails_due_idx",
        "mailbox_id",
        "is_first_touch",
        "send_at",
        "id",
        postgresql_where=text("phase = 'OPEN'"),
    ),
    Index("scheduled_emails_send_at_idx", "send_at", postgresql_where=text("phase = 'OPEN'")),
    Index("scheduled_emails_waiting_idx", "retry_at", postgresql_where=text("phase = 'WAITING'")),
    Index("scheduled_emails_mailbox_id_send_day_idx", "mailbox_id", "send_day"),
    # Lists in their order: all of a workspace, and of a sequence; what is to come, and the few that failed.
    Index("scheduled_emails_workspace_id_send_at_idx", "workspace_id", text(_SEND_AT), "id"),
    Index(
        "scheduled_emails_sequence_id_send_at_idx",
        "sequence_id",
        text(_SEND_AT),
        "id",
        postgresql_with=_ROOM,
    ),
    # Neither gets an entry from a claim, nor when an email is sent.
    Index(
        "scheduled_emails_to_come_idx",
        "workspace_id",
        text(_SEND_AT),
        "id",
        postgresql_where=text("phase IN ('OPEN', 'WAITING')"),
    ),
    Index(
        "scheduled_emails_failed_idx",
        "workspace_id",
        text(_SEND_AT),
        "id",
        postgresql_where=text("phase = 'FAILED'"),
    ),
    # An entry when an email was sent, at the end of the index, and none before: 1 µs and 107 bytes of WAL.
    Index(
        "scheduled_emails_sent_at_idx",
        "workspace_id",
        "sent_at",
        "id",
        postgresql_where=text("sent_at IS NOT NULL"),
    ),
    Index("scheduled_emails_contact_id_idx", "contact_id", postgresql_with=_ROOM),
    # Room in each page for what changes in place.
    postgresql_with=_ROOM,
)

# SQLAlchemy gives it no types.
give_room = DDL(f"ALTER INDEX scheduled_emails_pkey SET (fillfactor = {_ROOM['fillfactor']})")  # type: ignore[no-untyped-call]
event.listen(scheduled_emails, "after_create", give_room)

# Letters, events and moves name their email without a foreign key: each is written by a statement that locks
# the email, and a look-up for each was an eighth of what PostgreSQL does for one. They go with their email by
# a trigger (migration 0008).

# What was really written of an email, by its last attempt. Apart from its row, which is written anew at each
# step of its way.
letters = Table(
    "letters",
    metadata,
    Column("email_id", Uuid, primary_key=True),
    workspace(),
    Column("body_text", Text, nullable=False),
    Column("body_html", Text),
    *timestamps(),
    # An ordinary letter has 2 to 4 KB. From 2 KB on PostgreSQL would compress its texts, and put one that is
    # still too long for that beside the table: a quarter of what the mark costs, for a seventh of the room.
    postgresql_with={"toast_tuple_target": 4080},
)

email_events = Table(
    "email_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    workspace(),
    Column("email_id", Uuid, nullable=False),
    Column("enrollment_id", Uuid, nullable=False),
    Column("mailbox_id", Uuid),
    Column("kind", Text, nullable=False),
    # Business time at which it happened.
    instant("at", nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("code", Integer),
    Column("reply", Text),
    Column("cause", Text),
    *timestamps(),
    Index("email_events_email_id_idx", "email_id", "id"),
    Index("email_events_workspace_id_at_idx", "workspace_id", "at", "id"),
    # What came back: few among many, and never written while sending.
    Index("email_events_bounces_idx", "workspace_id", postgresql_where=text("kind = 'BOUNCE'")),
)

email_moves = Table(
    "email_moves",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    workspace(),
    Column("email_id", Uuid, nullable=False),
    instant("from_send_at"),
    instant("to_send_at"),
    Column("from_mailbox_id", Uuid),
    Column("to_mailbox_id", Uuid),
    Column("cause", Text, nullable=False),
    # No foreign key: one recalculation moves thousands, names itself in each, and is never deleted.
    Column("recalculation_id", Uuid),
    instant("at", nullable=False),
    *timestamps(),
    Index("email_moves_email_id_idx", "email_id", "id"),
    # Moves are only ever added, and ids of recalculations grow with time: ranges of blocks tell them apart,
    # and a move costs this index nothing.
    Index("email_moves_recalculation_id_idx", "recalculation_id", postgresql_using="brin"),
)
