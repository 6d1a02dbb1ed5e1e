"""Mailboxes that cannot send: a refused login, a provider's limit, and the end of it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import MailboxId, WorkspaceId
from domain.lifecycle import MAILBOX, MailboxEvent
from domain.recalculations import RecalculationCause
from persistence.recalculation_requests import request_recalculation
from persistence.tables import mailboxes
from persistence.transitions import transition


async def refuse_login(conn: AsyncConnection, mailbox_id: MailboxId, *, reason: str, now: datetime) -> bool:
    """
    Set the mailbox aside until a person mends its login. False when it was already.

    Its emails wait, unless their sequence says otherwise.
    """
    return await _set_aside(conn, mailbox_id, MailboxEvent.REFUSE_LOGIN, until=None, reason=reason, now=now)


async def block(
    conn: AsyncConnection, mailbox_id: MailboxId, *, until: datetime, reason: str, now: datetime
) -> bool:
    """Rest the mailbox until business time *until*: its provider takes no more. False when it rests."""
    return await _set_aside(conn, mailbox_id, MailboxEvent.BLOCK, until=until, reason=reason, now=now)


async def _set_aside(
    conn: AsyncConnection,
    mailbox_id: MailboxId,
    event: MailboxEvent,
    *,
    until: datetime | None,
    reason: str,
    now: datetime,
) -> bool:
    """Let *event* happen to the mailbox, and its sequences say what becomes of the emails."""
    workspace_id = await conn.scalar(
        transition(MAILBOX, mailboxes, event)
        .where(mailboxes.c.id == mailbox_id)
        .values(status_reason=reason, blocked_until=until)
        .returning(mailboxes.c.workspace_id)
    )
    if workspace_id is None:
        return False
    cause = RecalculationCause.MAILBOX_PAUSED
    await _request(conn, WorkspaceId(workspace_id), mailbox_id, cause=cause, by="sender", now=now)
    return True


async def unblock_rested(conn: AsyncConnection, *, now: datetime) -> list[MailboxId]:
    """Let those send again whose rest is over, and have their emails placed anew."""
    rested = await conn.execute(
        transition(MAILBOX, mailboxes, MailboxEvent.UNBLOCK)
        .where(mailboxes.c.blocked_until <= now)
        .values(status_reason=None, blocked_until=None)
        .returning(mailboxes.c.workspace_id, mailboxes.c.id)
    )
    freed = [(WorkspaceId(row.workspace_id), MailboxId(row.id)) for row in rested]
    for workspace_id, mailbox_id in freed:
        cause = RecalculationCause.MAILBOX_RESUMED
        await _request(conn, workspace_id, mailbox_id, cause=cause, by="clock", now=now)
    return [mailbox_id for _, mailbox_id in freed]


async def _request(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    mailbox_id: MailboxId,
    *,
    cause: RecalculationCause,
    by: str,
    now: datetime,
) -> None:
    await request_recalculation(
        conn, workspace_id, cause=cause, mailbox_id=mailbox_id, requested_by=by, now=now
    )
