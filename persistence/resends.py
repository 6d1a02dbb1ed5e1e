"""Resends by themselves: an email in doubt goes out once more, where its mailbox wants that."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Interval, and_, case, exists, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.delivery import RESEND_WAIT
from domain.ids import EmailId, WorkspaceId
from domain.lifecycle import EmailEvent, EmailPhase, EmailStatus, EnrollmentStatus
from persistence.arrays import among
from persistence.attempts import Ticket
from persistence.settling import Evidence, hold_email, resend
from persistence.tables import email_events, enrollments, mailboxes, scheduled_emails

BY_POLICY = Evidence("BY_POLICY")

_OPEN = (EnrollmentStatus.ACTIVE, EnrollmentStatus.PAUSED)
_WANTED = exists().where(
    mailboxes.c.id == scheduled_emails.c.mailbox_id, mailboxes.c.in_doubt_policy == "RESEND"
)


# Any: an instant, or NULL.
def resend_at(now: ColumnElement[Any]) -> ColumnElement[Any]:
    """When an email that falls in doubt at *now* goes out once more by itself; NULL if not, or if it did."""
    is_resent = exists().where(
        email_events.c.email_id == scheduled_emails.c.id, email_events.c.kind == str(EmailEvent.RESEND)
    )
    return case((and_(_WANTED, ~is_resent), now + literal(RESEND_WAIT, Interval())), else_=None)


async def find_resends(
    conn: AsyncConnection, *, now: datetime, limit: int = 100
) -> list[tuple[WorkspaceId, EmailId]]:
    """Emails in doubt whose time for it has come, soonest first, of all workspaces; nothing is locked."""
    columns = scheduled_emails.c
    due = await conn.execute(
        select(columns.workspace_id, columns.id)
        .where(
            columns.phase == str(EmailPhase.WAITING),
            columns.status == str(EmailStatus.IN_DOUBT),
            columns.retry_at <= now,
        )
        .order_by(columns.retry_at, columns.id)
        .limit(limit)
    )
    return [(WorkspaceId(row.workspace_id), EmailId(row.id)) for row in due]


async def resend_in_doubt(
    conn: AsyncConnection, workspace_id: WorkspaceId, email_id: EmailId, *, now: datetime
) -> Ticket | None:
    """
    Have an email sent once more whose time for it came at business time *now*; the ticket of that attempt.

    None when the doubt was settled meanwhile, or when nobody wants it any more: the mailbox's policy was
    changed, or the enrollment ended. Then it stays in doubt.
    """
    email = await hold_email(conn, workspace_id, email_id)
    if email.status != EmailStatus.IN_DOUBT or email.retry_at is None or email.retry_at > now:
        return None
    chosen = scheduled_emails.c.id == email_id
    is_wanted = await conn.scalar(
        select(_WANTED & (among(enrollments.c.status, _OPEN)))
        .select_from(scheduled_emails)
        .join(enrollments, enrollments.c.id == scheduled_emails.c.enrollment_id)
        .where(chosen)
    )
    if not is_wanted:
        await forget_resend(conn, email_id)
        return None
    await resend(conn, email, BY_POLICY, now=now)
    return Ticket(email_id, email.attempt + 1)


async def forget_resend(conn: AsyncConnection, email_id: EmailId) -> None:
    """Leave an email in doubt until someone settles it."""
    columns = scheduled_emails.c
    await conn.execute(
        update(scheduled_emails)
        .where(columns.id == email_id, columns.status == str(EmailStatus.IN_DOUBT))
        .values(retry_at=None)
    )
