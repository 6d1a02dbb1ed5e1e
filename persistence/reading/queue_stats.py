"""Reading how much is due, under way and done."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, DateTime, Label, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import EmailPhase, EmailStatus
from persistence.reading.pages import AnyRow
from persistence.tables import mailbox_days, mailboxes, scheduled_emails

# The dispatcher looks every second; a due email may still wait for its neighbours in a busy mailbox.
LATE_AFTER = timedelta(minutes=5)

emails = scheduled_emails.c


async def queue_stats(conn: AsyncConnection, workspace_id: UUID, *, now: datetime) -> AnyRow:
    """
    One row: `due`, `late`, `queued`, `sending`, `retrying`, `in_doubt`, `unplaced`, `sent_today`,
    `failed_today`. Today is each mailbox's own, by its zone.
    """
    pending, under_way, waiting = (
        emails.phase == phase for phase in (EmailPhase.PENDING, EmailPhase.UNDER_WAY, EmailPhase.WAITING)
    )
    begun = (EmailStatus.SENDING, EmailStatus.COMMITTING)
    figures = select(
        _counted("due", workspace_id, pending, emails.send_at <= now),
        _counted("late", workspace_id, pending, emails.send_at < now - LATE_AFTER),
        _counted("queued", workspace_id, under_way, emails.status == EmailStatus.QUEUED),
        _counted("sending", workspace_id, under_way, emails.status.in_(begun)),
        _counted("retrying", workspace_id, waiting, emails.status == EmailStatus.RETRYING),
        _counted("in_doubt", workspace_id, waiting, emails.status == EmailStatus.IN_DOUBT),
        _counted("unplaced", workspace_id, pending, emails.send_at.is_(None)),
        _today("sent", workspace_id, now),
        _today("failed", workspace_id, now),
    )
    return (await conn.execute(figures)).one()


def _counted(name: str, workspace_id: UUID, *where: ColumnElement[bool]) -> Label[Any]:
    """A sub-select of its own, so that each figure is read by the index that is made for it."""
    counted = select(func.count()).select_from(scheduled_emails)
    return counted.where(emails.workspace_id == workspace_id, *where).scalar_subquery().label(name)


def _today(name: str, workspace_id: UUID, now: datetime) -> Label[Any]:
    today = cast(func.timezone(mailboxes.c.zone, literal(now, DateTime(timezone=True))), Date)
    return (
        select(func.coalesce(func.sum(mailbox_days.c[name]), 0))
        .join(mailboxes, mailboxes.c.id == mailbox_days.c.mailbox_id)
        .where(mailbox_days.c.workspace_id == workspace_id, mailbox_days.c.day == today)
        .scalar_subquery()
        .label(f"{name}_today")
    )
