"""Sequences, their steps, and every version of each step's text."""

from sqlalchemy import Boolean, Column, Date, Index, Integer, Table, Text, UniqueConstraint, Uuid, text
from sqlalchemy import CheckConstraint as Check
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint

from domain.lifecycle import SEQUENCE
from domain.sequences import HIGHEST_WEIGHT
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

WHEN_MAILBOX_IS_PAUSED = ("WAIT", "TRANSFER", "CANCEL")

sequences = Table(
    "sequences",
    metadata,
    key(),
    workspace(),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default="SEQUENCE"),
    *status(SEQUENCE),
    # IANA name of the zone in which the send window is read.
    Column("zone", Text, nullable=False),
    # {"weekdays": [1..7], "intervals": [["09:00", "17:00"], ...]}; NULL takes the workspace's window.
    Column("send_window", JSONB),
    Column("uses_contact_zone", Boolean, nullable=False, server_default=text("false")),
    Column("first_date", Date),
    Column("last_date", Date),
    # ISO 3166-1 alpha-2, and a subdivision of it as the holidays library names them; NULL keeps none.
    Column("holiday_country", Text),
    Column("holiday_subdivision", Text),
    # Days on which it does not open, beside holidays.
    Column("closed_dates", ARRAY(Date), nullable=False, server_default="{}"),
    Column("priority", Integer, nullable=False, server_default="0"),
    # Its share of the room for new starts on mailboxes that it shares.
    Column("weight", Integer, nullable=False, server_default="1"),
    # By the day of the first step's window, over all mailboxes; NULL is any number.
    Column("max_new_contacts_per_day", Integer),
    Column("when_mailbox_paused", Text, nullable=False, server_default="WAIT"),
    Column("when_mailbox_removed", Text, nullable=False, server_default="TRANSFER"),
    Column("when_step_fails", Text, nullable=False, server_default="STOP"),
    Column("open_tracking_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("click_tracking_enabled", Boolean, nullable=False, server_default=text("true")),
    Column("version", Integer, nullable=False, server_default="1"),
    instant("activated_at"),
    instant("paused_at"),
    instant("completed_at"),
    instant("archived_at"),
    *timestamps(),
    *in_workspace(),
    one_of("kind", ("SEQUENCE", "ONE_OFF")),
    one_of("when_mailbox_paused", WHEN_MAILBOX_IS_PAUSED),
    one_of("when_mailbox_removed", WHEN_MAILBOX_IS_PAUSED),
    one_of("when_step_fails", ("STOP", "CONTINUE")),
    Check("first_date <= last_date", name="dates_in_order"),
    Check(f"weight BETWEEN 1 AND {HIGHEST_WEIGHT}", name="weight"),
    Check("holiday_country IS NOT NULL OR holiday_subdivision IS NULL", name="holidays"),
    Check("max_new_contacts_per_day >= 1", name="max_new_contacts_per_day"),
)

steps = Table(
    "steps",
    metadata,
    key(),
    workspace(),
    Column("sequence_id", Uuid, nullable=False),
    # From 1, without holes among the live steps of a sequence; NULL once removed.
    Column("position", Integer),
    # The wait after the step before it, in one of three units.
    Column("wait_days", Integer),
    Column("wait_working_days", Integer),
    Column("wait_minutes", Integer),
    Column("starts_thread", Boolean, nullable=False, server_default=text("false")),
    # The version of the text in force; it is read when an email is claimed, not when it is planned.
    Column("text_version", Integer, nullable=False, server_default="1"),
    Column("version", Integer, nullable=False, server_default="1"),
    instant("removed_at"),
    *timestamps(),
    *in_workspace(),
    *same_workspace("sequence_id", table="sequences", ondelete="CASCADE"),
    Check("position >= 1", name="position"),
    Check("wait_days >= 0 AND wait_working_days >= 1 AND wait_minutes >= 1", name="waits"),
    Check("num_nonnulls(wait_days, wait_working_days, wait_minutes) = 1", name="one_wait"),
    Check("(position IS NULL) = (removed_at IS NOT NULL)", name="removed"),
    # Deferred, so that one statement can move several steps past each other. Not a unique constraint: to move
    # a step were to change a key then, and to wait for the planner that writes emails of it.
    ExcludeConstraint(
        ("sequence_id", "="),
        ("position", "="),
        using="btree",
        name="steps_sequence_id_position_excl",
        deferrable=True,
        initially="DEFERRED",
    ),
)

step_versions = Table(
    "step_versions",
    metadata,
    key(),
    workspace(),
    Column("step_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body_text", Text, nullable=False),
    Column("body_html", Text),
    *timestamps(),
    *in_workspace(),
    *same_workspace("step_id", table="steps", ondelete="CASCADE"),
    UniqueConstraint("step_id", "version"),
)

sequence_mailboxes = Table(
    "sequence_mailboxes",
    metadata,
    Column("workspace_id", Uuid, nullable=False),
    Column("sequence_id", Uuid, primary_key=True),
    Column("mailbox_id", Uuid, primary_key=True),
    *timestamps(),
    *same_workspace("sequence_id", table="sequences", ondelete="CASCADE"),
    *same_workspace("mailbox_id", table="mailboxes"),
    Index("sequence_mailboxes_mailbox_id_idx", "mailbox_id"),
)
