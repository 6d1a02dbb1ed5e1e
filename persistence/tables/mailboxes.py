"""Mailboxes: how to reach their servers, what they may send, and what they sent on each of their days."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy import CheckConstraint as Check
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from domain.credentials import OAuthProvider
from domain.lifecycle import MAILBOX
from domain.mailboxes import Security
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

# Rows that change with every email, in place as long as their pages have room.
_ROOM = {"fillfactor": 50}
IN_DOUBT_POLICIES = ("ASSUME_SENT", "HOLD", "RESEND")

mailboxes = Table(
    "mailboxes",
    metadata,
    key(),
    workspace(),
    Column("name", Text, nullable=False),
    Column("from_name", Text, nullable=False, server_default=""),
    Column("email", Text, nullable=False),
    Column("normalised_email", Text, nullable=False),
    Column("owner", Text),
    Column("provider", Text),
    *status(MAILBOX),
    Column("status_reason", Text),
    instant("blocked_until"),
    # IANA name; the day that capacity counts in starts at this zone's midnight.
    Column("zone", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("port", Integer, nullable=False, server_default="587"),
    Column("security", Text, nullable=False, server_default=str(Security.STARTTLS)),
    Column("username", Text),
    # AES-GCM of the password, bound to this row's id.
    Column("password_encrypted", LargeBinary),
    # In place of a password; encrypted like one.
    Column("oauth_provider", Text),
    Column("refresh_token_encrypted", LargeBinary),
    Column("imap_host", Text),
    Column("imap_port", Integer),
    Column("imap_username", Text),
    Column("imap_password_encrypted", LargeBinary),
    # Emails per local day; 0 is unlimited.
    Column("daily_capacity", Integer, nullable=False, server_default="30"),
    Column("ramp_start", Integer),
    Column("ramp_step", Integer),
    Column("ramp_started_on", Date),
    Column("minimum_gap_s", Integer, nullable=False, server_default="1"),
    Column("hourly_limit", Integer),
    Column("sliding_window_limit", Integer),
    Column("sliding_window_s", Integer),
    # As a sequence's send window, read in the mailbox's zone; NULL is every hour of every day.
    Column("working_hours", JSONB),
    Column("rolling_24h_limit", Integer),
    # Emails per local day to the addresses of one domain.
    Column("recipient_domain_daily_cap", Integer),
    # Of the time until the next slot; how much later an email may leave.
    Column("jitter_percent", Integer, nullable=False, server_default="0"),
    # By how much a day's capacity may be lower.
    Column("day_variation_percent", Integer, nullable=False, server_default="0"),
    Column("in_doubt_policy", Text, nullable=False, server_default="ASSUME_SENT"),
    # Business time before which the dispatcher may claim nothing more: the gap after the last claim.
    instant("next_allowed_at"),
    # Business time at which its last attempt began, for the gap that the gate keeps.
    instant("last_attempt_at"),
    # Its emails that are under way, and some that were: `persistence/under_way.py`.
    Column("under_way", ARRAY(Uuid), nullable=False, server_default="{}"),
    # Its circuit: troubles with the host in a row, until when it is left alone, and the last of them.
    Column("host_troubles", Integer, nullable=False, server_default="0"),
    instant("host_rests_until"),
    Column("host_error", Text),
    Column("version", Integer, nullable=False, server_default="1"),
    instant("removed_at"),
    *timestamps(),
    *in_workspace(),
    one_of("security", Security),
    one_of("oauth_provider", OAuthProvider),
    Check("(oauth_provider IS NULL) = (refresh_token_encrypted IS NULL)", name="oauth_is_whole"),
    Check("password_encrypted IS NULL OR refresh_token_encrypted IS NULL", name="one_secret"),
    one_of("in_doubt_policy", IN_DOUBT_POLICIES),
    Check("daily_capacity >= 0", name="daily_capacity"),
    Check("minimum_gap_s >= 0", name="minimum_gap_s"),
    Check("hourly_limit >= 1", name="hourly_limit"),
    Check("sliding_window_limit >= 1 AND sliding_window_s >= 1", name="sliding_window"),
    Check("(sliding_window_limit IS NULL) = (sliding_window_s IS NULL)", name="sliding_window_is_whole"),
    Check("rolling_24h_limit >= 1", name="rolling_24h_limit"),
    Check("recipient_domain_daily_cap >= 1", name="recipient_domain_daily_cap"),
    Check("jitter_percent BETWEEN 0 AND 50", name="jitter_percent"),
    Check("day_variation_percent BETWEEN 0 AND 50", name="day_variation_percent"),
    Check("ramp_start >= 1 AND ramp_step >= 0", name="ramp"),
    Check("port BETWEEN 1 AND 65535", name="port"),
    Check("host_troubles >= 0", name="host_troubles"),
    # Across all workspaces: two of them must not double one provider's quota.
    Index(
        "mailboxes_live_normalised_email_key",
        "normalised_email",
        unique=True,
        postgresql_where=text("status <> 'REMOVED'"),
    ),
    postgresql_with=_ROOM,
)

mailbox_days = Table(
    "mailbox_days",
    metadata,
    workspace(),
    Column("mailbox_id", Uuid, nullable=False),
    Column("day", Date, nullable=False),
    # The highest capacity that was in force on this day; 0 is unlimited.
    Column("capacity", Integer, nullable=False),
    # QUEUED, SENDING, COMMITTING, SENT and IN_DOUBT emails: what the day's budget was spent on.
    Column("used", Integer, nullable=False, server_default="0"),
    Column("sent", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    # Emails whose first retry was on this day.
    Column("retried", Integer, nullable=False, server_default="0"),
    # For the mailbox's standing: addresses that do not exist or stayed full, and refusals by policy.
    Column("bounced", Integer, nullable=False, server_default="0"),
    Column("refused", Integer, nullable=False, server_default="0"),
    *timestamps(),
    PrimaryKeyConstraint("mailbox_id", "day"),
    *same_workspace("mailbox_id", table="mailboxes", ondelete="CASCADE"),
    Check("least(used, sent, failed, retried, bounced, refused) >= 0", name="counts"),
    Check("capacity = 0 OR used <= capacity", name="within_capacity"),
    postgresql_with=_ROOM,
)

clock_leaders = Table(
    "clock_leaders",
    metadata,
    Column("id", Integer, primary_key=True),
    # Grows with every new leader; a tick whose epoch is old writes nothing.
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("is_single", Boolean, nullable=False, server_default=text("true"), unique=True),
    *timestamps(),
)

business_clock = Table(
    "business_clock",
    metadata,
    Column("id", Integer, primary_key=True),
    # The present, where business time steps instead of running; no row otherwise.
    instant("present", nullable=False),
    *timestamps(),
    Check("id = 1", name="single"),
)
