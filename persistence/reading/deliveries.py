"""Reading how emails ended, from the counters of the mailboxes' days."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.reading.mailboxes import asked_spans
from persistence.reading.pages import AnyRow
from persistence.tables import mailbox_days

days = mailbox_days.c


def _sums() -> list[ColumnElement[int]]:
    counted = (days.sent, days.failed, days.retried, days.bounced, days.refused)
    return [func.coalesce(func.sum(column), 0).label(column.name) for column in counted]


async def delivered(conn: AsyncConnection, workspace_id: UUID, *, first: date, last: date) -> AnyRow:
    """One row of `sent`, `failed`, `retried`, `bounced`, `refused`, from *first* to *last*, both included."""
    of_days = select(*_sums()).where(days.workspace_id == workspace_id, days.day.between(first, last))
    return (await conn.execute(of_days)).one()


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
