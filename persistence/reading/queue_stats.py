"""Reading how much is due, under way and done, and how fast it goes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Label,
    Subquery,
    and_,
    cast,
    extract,
    func,
    literal,
    not_,
    select,
    text,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import (
    EmailEvent,
    EmailPhase,
    EmailStatus,
    EnrollmentStatus,
    MailboxStatus,
    SequenceStatus,
)
from persistence.reading.pages import AnyRow
from persistence.tables import (
    email_events,
    enrollments,
    mailbox_days,
    mailboxes,
    scheduled_emails,
    sequences,
    workspaces,
)
from persistence.under_way import UNDER_WAY

# The dispatcher looks every second; a due email may still wait for its neighbours in a busy mailbox.
LATE_AFTER = timedelta(minutes=5)
# What "now" means for the pace, and how many emails are enough to tell.
RECENT = timedelta(minutes=15)
SAMPLE = 1_000

emails = scheduled_emails.c


async def queue_stats(conn: AsyncConnection, workspace_id: UUID, *, now: datetime) -> AnyRow:
    """
    One row: `due`, `late`, `oldest_due_at`, `held`, `queued`, `sending`, `retrying`, `in_doubt`, `unplaced`,
    and `sent`, `failed`, `retried` each as `…_today` and `…_total`. Today is each mailbox's own, by its zone.

    What is due and on hold is counted as `held` alone.
    """
    pending = and_(emails.phase == EmailPhase.OPEN, emails.status == EmailStatus.PENDING)
    waiting = emails.phase == EmailPhase.WAITING
    days, due = _days(workspace_id, now), _due(workspace_id, now)
    figures = select(
        due,
        _under_way("queued", workspace_id, "= 'QUEUED'"),
        _under_way("sending", workspace_id, "<> 'QUEUED'"),
        _counted("retrying", workspace_id, waiting, emails.status == EmailStatus.RETRYING),
        _counted("in_doubt", workspace_id, waiting, emails.status == EmailStatus.IN_DOUBT),
        _counted("unplaced", workspace_id, pending, emails.send_at.is_(None)),
        days,
    ).select_from(days.join(due, true()))
    return (await conn.execute(figures)).one()


def _counted(name: str, workspace_id: UUID, *where: ColumnElement[bool]) -> Label[Any]:
    """A sub-select of its own, so that each figure is read by the index that is made for it."""
    counted = select(func.count()).select_from(scheduled_emails)
    return counted.where(emails.workspace_id == workspace_id, *where).scalar_subquery().label(name)


def _due(workspace_id: UUID, now: datetime) -> Subquery:
    """Planned emails whose time has come, in one pass: one row."""
    goes = and_(
        workspaces.c.sending_paused_at.is_(None),
        mailboxes.c.status == str(MailboxStatus.ACTIVE),
        sequences.c.status == str(SequenceStatus.ACTIVE),
        enrollments.c.status == str(EnrollmentStatus.ACTIVE),
    )
    return (
        select(
            func.count().filter(goes).label("due"),
            func.count().filter(goes, emails.send_at < now - LATE_AFTER).label("late"),
            func.min(emails.send_at).filter(goes).label("oldest_due_at"),
            func.count().filter(not_(goes)).label("held"),
        )
        .join(workspaces, workspaces.c.id == emails.workspace_id)
        .join(mailboxes, mailboxes.c.id == emails.mailbox_id)
        .join(sequences, sequences.c.id == emails.sequence_id)
        .join(enrollments, enrollments.c.id == emails.enrollment_id)
        .where(
            emails.workspace_id == workspace_id,
            emails.phase == EmailPhase.OPEN,
            emails.status == EmailStatus.PENDING,
            emails.send_at <= now,
        )
        .subquery()
    )


def _under_way(name: str, workspace_id: UUID, status: str) -> Label[Any]:
    here = text(f"e.workspace_id = :workspace_id AND e.status {status}").bindparams(workspace_id=workspace_id)
    counted = select(func.count()).select_from(text(f"{UNDER_WAY} AS e")).where(here)
    return counted.scalar_subquery().label(name)


def _days(workspace_id: UUID, now: datetime) -> Subquery:
    """The counters of all mailboxes, added up: one row."""
    today = cast(func.timezone(mailboxes.c.zone, literal(now, DateTime(timezone=True))), Date)
    columns = []
    for name in ("sent", "failed", "retried"):
        total = func.sum(mailbox_days.c[name])
        columns.append(func.coalesce(total.filter(mailbox_days.c.day == today), 0).label(f"{name}_today"))
        columns.append(func.coalesce(total, 0).label(f"{name}_total"))
    return (
        select(*columns)
        .select_from(mailbox_days.join(mailboxes, mailboxes.c.id == mailbox_days.c.mailbox_id))
        .where(mailbox_days.c.workspace_id == workspace_id)
        .subquery()
    )


async def waits(conn: AsyncConnection, workspace_id: UUID) -> Sequence[AnyRow]:
    """Rows of `retries`, `amount`, `next_at`: emails that wait, by how often they were put off."""
    counted = (
        select(
            emails.retry_count.label("retries"),
            func.count().label("amount"),
            func.min(emails.retry_at).label("next_at"),
        )
        .where(
            emails.workspace_id == workspace_id,
            emails.phase == EmailPhase.WAITING,
            emails.status == EmailStatus.RETRYING,
        )
        .group_by(emails.retry_count)
        .order_by(emails.retry_count)
    )
    return (await conn.execute(counted)).all()


async def pace(conn: AsyncConnection, workspace_id: UUID, *, now: datetime) -> AnyRow:
    """
    One row over the last emails that were accepted within `RECENT`, at most `SAMPLE`: `emails`, the `oldest`
    instant, and average and 95th percentile, in seconds, of `send` (from the attempt to the reply) and of
    `lateness` (from the planned time).
    """
    happened = email_events.c
    accepted = (
        select(happened.email_id, happened.at)
        .where(
            happened.workspace_id == workspace_id,
            happened.kind == str(EmailEvent.ACCEPT),
            happened.at > now - RECENT,
            happened.at <= now,
        )
        .order_by(happened.at.desc(), happened.id.desc())
        .limit(SAMPLE)
        .subquery()
    )
    send = extract("epoch", accepted.c.at - emails.last_attempt_at)
    late = extract("epoch", accepted.c.at - emails.send_at)
    of_all = select(
        func.count().label("emails"),
        func.min(accepted.c.at).label("oldest"),
        *_average_and_p95(send, "send"),
        *_average_and_p95(func.greatest(late, 0), "lateness"),
    ).select_from(accepted.join(scheduled_emails, emails.id == accepted.c.email_id))
    return (await conn.execute(of_all)).one()


# Any: seconds, as PostgreSQL numbers them.
def _average_and_p95(seconds: ColumnElement[Any], name: str) -> tuple[Label[Any], Label[Any]]:
    return (
        func.avg(seconds).label(f"average_{name}"),
        func.percentile_cont(0.95).within_group(seconds).label(f"p95_{name}"),
    )
