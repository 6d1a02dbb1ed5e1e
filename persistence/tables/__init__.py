"""The tables, by noun. ``metadata`` knows all of them."""

from persistence.tables.columns import metadata
from persistence.tables.contacts import contacts, enrollments, import_errors, imports
from persistence.tables.emails import email_events, email_moves, letters, scheduled_emails
from persistence.tables.mailboxes import business_clock, clock_leaders, mailbox_days, mailboxes
from persistence.tables.requested_work import batches, dispatches, recalculations
from persistence.tables.requests import idempotency_keys, rate_limits
from persistence.tables.sequences import sequence_mailboxes, sequences, step_versions, steps
from persistence.tables.watching import alerts, figures
from persistence.tables.workspaces import (
    api_keys,
    audit_log,
    invitations,
    logins,
    members,
    schedule_runs,
    sessions,
    suppressions,
    users,
    workspaces,
)

__all__ = [
    "alerts",
    "api_keys",
    "audit_log",
    "batches",
    "business_clock",
    "clock_leaders",
    "contacts",
    "dispatches",
    "email_events",
    "email_moves",
    "enrollments",
    "figures",
    "idempotency_keys",
    "import_errors",
    "imports",
    "invitations",
    "letters",
    "logins",
    "mailbox_days",
    "mailboxes",
    "members",
    "metadata",
    "rate_limits",
    "recalculations",
    "schedule_runs",
    "scheduled_emails",
    "sequence_mailboxes",
    "sequences",
    "sessions",
    "step_versions",
    "steps",
    "suppressions",
    "users",
    "workspaces",
]
