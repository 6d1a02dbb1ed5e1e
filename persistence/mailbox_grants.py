"""The refresh tokens of mailboxes that log in by OAuth 2."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import MailboxId
from persistence.tables import mailboxes


async def lock_refresh_token(conn: AsyncConnection, mailbox_id: MailboxId) -> bytes | None:
    """The encrypted refresh token of a mailbox, which is locked; None if it has none."""
    stored: bytes | None = await conn.scalar(
        select(mailboxes.c.refresh_token_encrypted)
        .where(mailboxes.c.id == mailbox_id)
        .with_for_update(key_share=True)
    )
    return stored


async def store_refresh_token(conn: AsyncConnection, mailbox_id: MailboxId, *, encrypted: bytes) -> None:
    """Write the refresh token that took the place of a locked one. Nobody's change: no new version."""
    await conn.execute(
        update(mailboxes).where(mailboxes.c.id == mailbox_id).values(refresh_token_encrypted=encrypted)
    )
