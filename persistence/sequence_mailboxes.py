"""Which mailboxes may serve a sequence."""

from collections.abc import Collection

from sqlalchemy import Uuid, delete, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import MailboxId, SequenceId, WorkspaceId
from domain.lifecycle import MailboxStatus
from persistence.arrays import among
from persistence.locks import share_rows
from persistence.refusals import NotInStatus, Noun
from persistence.tables import mailboxes, sequence_mailboxes


async def link_mailboxes(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    mailbox_ids: Collection[MailboxId],
) -> list[MailboxId]:
    """
    Let *mailbox_ids* serve a locked sequence; answer those that did not yet.

    Raises:
        UnknownObject: The workspace lacks one of them.
        NotInStatus: One of them is removed.
    """
    statuses = await share_rows(conn, mailboxes, Noun.MAILBOX, workspace_id=workspace_id, row_ids=mailbox_ids)
    if MailboxStatus.REMOVED in statuses.values():
        raise NotInStatus(Noun.MAILBOX, MailboxStatus.REMOVED)
    linked = await conn.scalars(
        insert(sequence_mailboxes)
        .from_select(
            ["workspace_id", "sequence_id", "mailbox_id"],
            select(mailboxes.c.workspace_id, literal(sequence_id, Uuid), mailboxes.c.id).where(
                mailboxes.c.workspace_id == workspace_id, among(mailboxes.c.id, mailbox_ids)
            ),
        )
        .on_conflict_do_nothing()
        .returning(sequence_mailboxes.c.mailbox_id)
    )
    return [MailboxId(mailbox_id) for mailbox_id in linked]


async def unlink_mailboxes(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    mailbox_ids: Collection[MailboxId],
) -> list[MailboxId]:
    """
    Let *mailbox_ids* serve a locked sequence no longer; answer those that did.

    Raises:
        UnknownObject: The workspace lacks one of them.
    """
    await share_rows(conn, mailboxes, Noun.MAILBOX, workspace_id=workspace_id, row_ids=mailbox_ids)
    unlinked = await conn.scalars(
        delete(sequence_mailboxes)
        .where(
            sequence_mailboxes.c.workspace_id == workspace_id,
            sequence_mailboxes.c.sequence_id == sequence_id,
            among(sequence_mailboxes.c.mailbox_id, mailbox_ids),
        )
        .returning(sequence_mailboxes.c.mailbox_id)
    )
    return [MailboxId(mailbox_id) for mailbox_id in unlinked]
