"""Reading how emails ended: of mailboxes from the counters of their days, of sequences from their emails."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.delivery import UNREACHABLE
from domain.inbound import InboundKind
from domain.lifecycle import EmailEvent, EmailStatus
from persistence.reading.mailboxes import asked_spans
from persistence.reading.pages import AnyRow
from persistence.tables import email_events, mailbox_days, scheduled_emails

days = mailbox_days.c
emails = scheduled_emails.c
# What a mailbox that stayed full through all retries said in the end.
_FULL = r"^\d{3} [45]\.2\.2\M"


def _sums() -> list[ColumnElement[int]]:
    counted = (days.sent, days.failed, days.retried, days.bounced, days.refused)
    return [func.coalesce(func.sum(column), 0).label(column.name) for column in counted]


async def delivered(conn: AsyncConnection, workspace_id: UUID, *, first: date, last: date) -> AnyRow:
    """One row of `sent`, `failed`, `retried`, `bounced`, `refused`, from *first* to *last*, both included."""
    of_days = select(*_sums()).where(days.workspace_id == workspace_id, days.day.between(first, last))
    return (await conn.execute(of_days)).one()


async def delivered_daily(
    conn: AsyncConnection, workspace_id: UUID, *, first: date, last: date
) -> Sequence[AnyRow]:
    """As `delivered`, a row for each `day` on which anything happened."""
    of_days = select(days.day, *_sums()).where(
        days.workspace_id == workspace_id, days.day.between(first, last)
    )
    return (await conn.execute(of_days.group_by(days.day))).all()


async def delivered_by_mailboxes(
    conn: AsyncConnection, workspace_id: UUID, spans: Collection[tuple[UUID, date, date]]
) -> Sequence[AnyRow]:
    """As `delivered`, for each of *spans* a row with its `mailbox_id`, `first` and `last`."""
    asked = asked_spans(spans)
    in_span = and_(
        days.mailbox_id == asked.c.mailbox_id,
        days.day.between(asked.c.first, asked.c.last),
        days.workspace_id == workspace_id,
    )
    key = (asked.c.mailbox_id, asked.c.first, asked.c.last)
    return (
        await conn.execute(select(*key, *_sums()).outerjoin_from(asked, mailbox_days, in_span).group_by(*key))
    ).all()


async def delivered_by_sequences(
    conn: AsyncConnection,
    workspace_id: UUID,
    spans: Collection[tuple[UUID, date, date]],
    *,
    daily: bool = False,
) -> Sequence[AnyRow]:
    """
    As `delivered`, for each of *spans* a row with its `sequence_id`, `first` and `last`.

    An email counts as it is now, on the day that its last attempt was charged to. With *daily* there is a
    row for each such `day`, null where a span has none.
    """
    asked = asked_spans(spans, of="sequence_id")
    in_span = and_(
        emails.sequence_id == asked.c.sequence_id,
        emails.quota_day.between(asked.c.first, asked.c.last),
        emails.workspace_id == workspace_id,
    )
    key: tuple[ColumnElement[Any], ...] = (asked.c.sequence_id, asked.c.first, asked.c.last)
    if daily:
        key += (emails.quota_day.label("day"),)
    counted = {
        "sent": emails.status == EmailStatus.SENT,
        "failed": emails.status == EmailStatus.FAILED,
        "retried": emails.retry_count > 0,
        "bounced": _bounced(workspace_id),
        "refused": emails.failure_reason == "policy",
    }
    figures = (func.count().filter(condition).label(name) for name, condition in counted.items())
    return (
        await conn.execute(
            select(*key, *figures).outerjoin_from(asked, scheduled_emails, in_span).group_by(*key)
        )
    ).all()


def _bounced(workspace_id: UUID) -> ColumnElement[bool]:
    """Refused at once, or after it was accepted."""
    happened = email_events.c
    came_back = select(happened.email_id).where(
        happened.workspace_id == workspace_id,
        happened.kind == str(EmailEvent.BOUNCE),
        happened.cause == str(InboundKind.HARD_BOUNCE),
    )
    return or_(
        emails.failure_reason.in_([*UNREACHABLE, str(InboundKind.HARD_BOUNCE)]),
        and_(emails.failure_reason == "RETRIES_EXHAUSTED", emails.last_error.regexp_match(_FULL)),
        and_(emails.status == EmailStatus.SENT, emails.id.in_(came_back)),
    )
