"""Late refusals: what a server said to a dot, read when the email was in doubt already."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import EmailEvent, EmailStatus
from persistence.refusals import LaterEmailLeft, NotInStatus
from persistence.results import Result
from persistence.settling import AnEmail, Evidence, hold_email, resend, settle_failed
from persistence.tables import scheduled_emails


async def settle_refused(conn: AsyncConnection, refused: Result, *, now: datetime) -> bool:
    """
    Settle the doubt about the email of *refused*: it was not accepted. False when nobody doubts it any more.

    It is tried again as if there had been no doubt, unless a step behind it has left; then it has failed.
    """
    attempt = refused.attempt
    email = await hold_email(conn, attempt.workspace_id, attempt.email_id)
    if email.status != EmailStatus.IN_DOUBT or email.attempt_token != attempt.token:
        return False
    because = Evidence(refused.reason, said=refused.said, bounces=refused.bounces)
    if refused.event is not EmailEvent.RETRY or not await _is_retried(conn, email, refused, because, now=now):
        await settle_failed(conn, email, because, now=now)
    return True


async def _is_retried(
    conn: AsyncConnection, email: AnEmail, refused: Result, because: Evidence, *, now: datetime
) -> bool:
    try:
        await resend(conn, email, because, now=now)
    except (LaterEmailLeft, NotInStatus):
        return False
    columns = scheduled_emails.c
    await conn.execute(
        update(scheduled_emails)
        .where(columns.id == email.id)
        .values(
            retry_at=refused.retry_at,
            retry_count=columns.retry_count + int(refused.spends_retry),
            last_error=refused.said,
        )
    )
    return True
