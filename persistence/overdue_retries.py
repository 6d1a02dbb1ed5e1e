"""Overdue retries: emails whose message should have come back from its wait and did not."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId
from domain.lifecycle import EmailPhase, EmailStatus
from persistence.attempts import Ticket
from persistence.tables import scheduled_emails


async def sweep_overdue(
    conn: AsyncConnection, *, now: datetime, grace: timedelta, limit: int = 500
) -> list[Ticket]:
    """
    The retries whose time was *grace* or longer before business time *now*, soonest first.

    Their time becomes now, so that each is swept once in every grace.
    """
    columns = scheduled_emails.c
    overdue = (
        select(columns.id)
        .where(
            columns.phase == str(EmailPhase.WAITING),
            columns.status == str(EmailStatus.RETRYING),
            columns.retry_at <= now - grace,
        )
        .order_by(columns.retry_at)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
        .cte("overdue")
    )
    swept = await conn.execute(
        update(scheduled_emails)
        .where(columns.id.in_(select(overdue.c.id)))
        .values(retry_at=now)
        .returning(columns.id, columns.attempt)
    )
    return [Ticket(EmailId(row.id), row.attempt + 1) for row in swept]
