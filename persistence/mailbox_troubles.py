"""Mailboxes that cannot send: a refused login, a provider's limit, and the end of it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import MailboxId, WorkspaceId
from domain.lifecycle import MAILBOX, MailboxEvent
from domain.recalculations import RecalculationCause
from persistence.recalculation_requests import request_recalculation
from persistence.tables import mailboxes
from persistence.transitions import transition


async def refuse_login(conn: AsyncConnection, mailbox_id: MailboxId, *, reason: str) -> bool:
    """Set the mailbox aside until a person mends its login; its emails wait. False when it was already."""
    refused = await conn.execute(
        transition(MAILBOX, mailboxes, MailboxEvent.REFUSE_LOGIN)
        .where(mailboxes.c.id == mailbox_id)
        .values(status_reason=reason, blocked_until=None)
    )
    return refused.rowcount == 1


async def block(conn: AsyncConnection, mailbox_id: MailboxId, *, until: datetime, reason: str) -> bool:
    """Rest the mailbox until business time *until*: its provider takes no more. False when it rests."""
    blocked = await conn.execute(
        transition(MAILBOX, mailboxes, MailboxEvent.BLOCK)
        .where(mailboxes.c.id == mailbox_id)
        .values(status_reason=reason, blocked_until=until)
    )
    return blocked.rowcount == 1


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
        await request_recalculation(
            conn,
            workspace_id,
            cause=RecalculationCause.MAILBOX_RESUMED,
            mailbox_id=mailbox_id,
            requested_by="clock",
            now=now,
        )
    return [mailbox_id for _, mailbox_id in freed]
