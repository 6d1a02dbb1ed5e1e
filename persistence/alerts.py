"""Alerts: looked for in all workspaces at once, each open once, and closed when its cause is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Date, DateTime, and_, cast, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import RATED, AlertBounds, AlertKind, AlertSeverity, is_spent_early
from domain.lifecycle import MailboxStatus
from domain.mailboxes import UNLIMITED
from domain.send_window import local_date
from persistence.ids import uuid7
from persistence.planning_terms import mailbox_of
from persistence.reading.mailboxes import SHOWN
from persistence.reading.pages import AnySelect
from persistence.reading.queue_stats import LATE_AFTER
from persistence.tables import alerts, mailbox_days, mailboxes
from persistence.unheld_emails import UNHELD


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth an alert: *figure* was measured and reached *threshold*."""

    workspace_id: UUID
    kind: AlertKind
    severity: AlertSeverity
    mailbox_id: UUID | None = None
    figure: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Switched:
    """An alert that was raised, grew worse or better, or was closed."""

    alert_id: UUID
    workspace_id: UUID
    kind: AlertKind
    severity: AlertSeverity
    mailbox_id: UUID | None
    is_open: bool


async def find_causes(conn: AsyncConnection, *, now: datetime, bounds: AlertBounds) -> list[Finding]:
    """All that is worth an alert at business time *now*."""
    return [
        *[
            Finding(row.workspace_id, AlertKind.NEEDS_AUTH, AlertSeverity.CRITICAL, row.id)
            for row in await conn.execute(_NEED_AUTH)
        ],
        *await _early(conn, now=now, bounds=bounds),
        *await _rates(conn, now=now, bounds=bounds),
        *await _late(conn, now=now, bounds=bounds),
    ]


_NEED_AUTH = text("SELECT id, workspace_id FROM mailboxes WHERE status = 'NEEDS_AUTH'")


async def _early(conn: AsyncConnection, *, now: datetime, bounds: AlertBounds) -> list[Finding]:
    today = cast(func.timezone(mailboxes.c.zone, literal(now, DateTime(timezone=True))), Date)
    raised = and_(
        alerts.c.mailbox_id == mailboxes.c.id,
        alerts.c.kind == str(AlertKind.QUOTA_EARLY),
        alerts.c.closed_at.is_(None),
    )
    capacity = func.least(mailbox_days.c.capacity, func.nullif(mailboxes.c.daily_capacity, UNLIMITED))
    nearly_spent: AnySelect = (
        select(*SHOWN, mailbox_days.c.used, alerts.c.opened_at)
        .join(mailbox_days, and_(mailbox_days.c.mailbox_id == mailboxes.c.id, mailbox_days.c.day == today))
        .outerjoin(alerts, raised)
        .where(
            mailboxes.c.status != str(MailboxStatus.REMOVED),
            mailbox_days.c.capacity > 0,
            mailbox_days.c.used >= bounds.quota_share * capacity,
        )
    )
    found = []
    for row in await conn.execute(nearly_spent):
        mailbox = mailbox_of(row)
        if is_spent_early(mailbox, used=row.used, now=now, bounds=bounds, opened_at=row.opened_at):
            share = row.used / mailbox.capacity_on(local_date(now, mailbox.zone))
            about = (row.workspace_id, AlertKind.QUOTA_EARLY, AlertSeverity.WARNING, row.id)
            found.append(Finding(*about, share, bounds.quota_share))
    return found


# An address that complained counts for the mailboxes that wrote to it, or for that of the email named.
_RATED = text("""
WITH complaints AS (
    SELECT e.mailbox_id, count(DISTINCT u.address) AS complained
    FROM suppressions AS u
    JOIN contacts AS c ON c.workspace_id = u.workspace_id AND c.normalised_email = u.address
    JOIN scheduled_emails AS e ON e.contact_id = c.id AND e.status = 'SENT' AND e.sent_at > :since
        AND (u.email_id IS NULL OR u.email_id = e.id)
    WHERE u.reason = 'COMPLAINT'
    GROUP BY e.mailbox_id
)
SELECT m.id, m.workspace_id, sum(d.sent) AS sent, sum(d.failed) AS failed, sum(d.bounced) AS bounced,
    max(coalesce(p.complained, 0)) AS complained
FROM mailbox_days AS d
JOIN mailboxes AS m ON m.id = d.mailbox_id AND m.status <> 'REMOVED'
LEFT JOIN complaints AS p ON p.mailbox_id = m.id
WHERE d.day > CAST(timezone(m.zone, :since) AS date)
GROUP BY m.id, m.workspace_id
HAVING sum(d.failed) + sum(d.bounced) > 0 OR max(p.complained) > 0
""")


async def _rates(conn: AsyncConnection, *, now: datetime, bounds: AlertBounds) -> list[Finding]:
    found: list[Finding] = []
    for row in await conn.execute(_RATED, {"since": now - RATED}):
        ended = row.sent + row.failed
        for kind, of_kind, part, whole in (
            (AlertKind.FAILURE_RATE, bounds.failures, row.failed, ended),
            (AlertKind.BOUNCE_RATE, bounds.bounces, row.bounced, ended),
            (AlertKind.COMPLAINT_RATE, bounds.complaints, row.complained, row.sent),
        ):
            if reached := of_kind.reached(part, whole):
                severity, bound = reached
                found.append(Finding(row.workspace_id, kind, severity, row.id, part / whole, bound))
    return found


# Whose workspace, mailbox, sequence or enrollment rests does not come too late.
_LATE = text(f"""
SELECT e.workspace_id, count(*) AS late
FROM {UNHELD} AND e.send_at < :late_since
GROUP BY e.workspace_id
HAVING count(*) >= :late_emails
""")


async def _late(conn: AsyncConnection, *, now: datetime, bounds: AlertBounds) -> list[Finding]:
    asked = {"late_since": now - LATE_AFTER, "late_emails": bounds.late_emails}
    about = (AlertKind.BACKLOG_LATE, AlertSeverity.WARNING, None)
    return [
        Finding(row.workspace_id, *about, float(row.late), float(bounds.late_emails))
        for row in await conn.execute(_LATE, asked)
    ]


_GIVEN = """
WITH given AS (
    SELECT * FROM unnest(
        CAST(:ids AS uuid[]), CAST(:workspace_ids AS uuid[]), CAST(:kinds AS text[]),
        CAST(:severities AS text[]), CAST(:mailbox_ids AS uuid[]), CAST(:figures AS float8[]),
        CAST(:thresholds AS float8[])
    ) AS given (id, workspace_id, kind, severity, mailbox_id, figure, threshold)
)
"""
_CLOSE = text(f"""
{_GIVEN}
UPDATE alerts AS a SET closed_at = greatest(a.opened_at, :now), updated_at = now()
WHERE a.closed_at IS NULL AND NOT EXISTS (
    SELECT FROM given AS g
    WHERE g.workspace_id = a.workspace_id AND g.kind = a.kind
        AND g.mailbox_id IS NOT DISTINCT FROM a.mailbox_id
)
RETURNING a.id, a.workspace_id, a.kind, a.severity, a.mailbox_id, false AS is_open
""")
_RAISE = text(f"""
{_GIVEN}
INSERT INTO alerts AS a (id, workspace_id, kind, severity, mailbox_id, figure, threshold, opened_at)
SELECT g.id, g.workspace_id, g.kind, g.severity, g.mailbox_id, g.figure, g.threshold, :now FROM given AS g
ON CONFLICT (workspace_id, kind, (coalesce(mailbox_id, workspace_id))) WHERE closed_at IS NULL
DO UPDATE SET severity = excluded.severity, figure = excluded.figure, threshold = excluded.threshold,
    updated_at = now()
WHERE a.severity <> excluded.severity
RETURNING a.id, a.workspace_id, a.kind, a.severity, a.mailbox_id, true AS is_open
""")


async def settle_alerts(
    conn: AsyncConnection, findings: Sequence[Finding], *, now: datetime
) -> list[Switched]:
    """Close what is not among *findings* any more, raise what is new, and answer what changed."""
    given = {
        "now": now,
        "ids": [uuid7() for _ in findings],
        "workspace_ids": [each.workspace_id for each in findings],
        "kinds": [str(each.kind) for each in findings],
        "severities": [str(each.severity) for each in findings],
        "mailbox_ids": [each.mailbox_id for each in findings],
        "figures": [each.figure for each in findings],
        "thresholds": [each.threshold for each in findings],
    }
    closed = (await conn.execute(_CLOSE, given)).all()
    raised = (await conn.execute(_RAISE, given)).all() if findings else []
    return [
        Switched(
            row.id,
            row.workspace_id,
            AlertKind(row.kind),
            AlertSeverity(row.severity),
            row.mailbox_id,
            row.is_open,
        )
        for row in (*closed, *raised)
    ]
