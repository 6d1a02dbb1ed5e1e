"""Mailboxes: made, changed, put on hold, brought back and taken out of use."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import MailboxId, WorkspaceId
from domain.lifecycle import MAILBOX, MailboxEvent, MailboxStatus
from persistence.attempts import Login
from persistence.circuits import CLOSED
from persistence.constraints import refusing
from persistence.locks import lock_row
from persistence.refusals import MailboxAddressTaken, NotInStatus, Noun, UnknownObject
from persistence.tables import mailboxes
from persistence.transitions import transition

_LIVE_ADDRESS = "mailboxes_live_normalised_email_key"
_WAY_TO_HOST = frozenset({"host", "port", "security"})


async def add_mailbox(
    conn: AsyncConnection, workspace_id: WorkspaceId, mailbox_id: MailboxId, *, settings: Mapping[str, object]
) -> None:
    """
    Make a mailbox with *settings* by column; its id is given, because its secrets are bound to it.

    Raises:
        MailboxAddressTaken: A live mailbox of any workspace has the address.
    """
    with refusing(_LIVE_ADDRESS, MailboxAddressTaken(str(settings["email"]))):
        await conn.execute(
            insert(mailboxes).values({**settings, "id": mailbox_id, "workspace_id": workspace_id})
        )


# Any: a row has the columns of its table.
async def lock_mailbox(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    mailbox_id: MailboxId,
    *,
    expected_version: int | None = None,
) -> Row[Any]:
    """
    Lock a mailbox that is in use, and answer it.

    Raises:
        UnknownObject, StaleObject: As for every lock.
        NotInStatus: It is removed.
    """
    mailbox = await lock_row(
        conn,
        mailboxes,
        Noun.MAILBOX,
        workspace_id=workspace_id,
        row_id=mailbox_id,
        expected_version=expected_version,
    )
    if mailbox.status == MailboxStatus.REMOVED:
        raise NotInStatus(Noun.MAILBOX, mailbox.status)
    return mailbox


async def login_of(conn: AsyncConnection, workspace_id: WorkspaceId, mailbox_id: MailboxId) -> Login:
    """
    How the server of a mailbox that is in use is reached.

    Raises:
        UnknownObject: The workspace has no such mailbox.
        NotInStatus: It is removed, and its secrets are forgotten.
    """
    here = (mailboxes.c.workspace_id == workspace_id, mailboxes.c.id == mailbox_id)
    found = await conn.execute(
        select(mailboxes.c.status, *(mailboxes.c[name] for name in Login._fields)).where(*here)
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownObject(Noun.MAILBOX, [mailbox_id])
    if row.status == MailboxStatus.REMOVED:
        raise NotInStatus(Noun.MAILBOX, row.status)
    return Login(*row[1:])


async def change_mailbox(
    conn: AsyncConnection, workspace_id: WorkspaceId, mailbox_id: MailboxId, *, changes: Mapping[str, object]
) -> None:
    """
    Write *changes* by column to a locked mailbox; no working hours are every hour.

    Trouble with its host is forgotten when it is to be reached in another way.
    """
    hours = {"working_hours": null()} if changes.get("working_hours", ...) is None else {}
    circuit = CLOSED if _WAY_TO_HOST & changes.keys() else {}
    await conn.execute(
        update(mailboxes)
        .where(mailboxes.c.workspace_id == workspace_id, mailboxes.c.id == mailbox_id)
        .values({**changes, **hours, **circuit, "version": mailboxes.c.version + 1})
    )


async def move_mailbox(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    mailbox_id: MailboxId,
    *,
    event: MailboxEvent,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """
    Lock a mailbox and let *event* happen to it. Once removed, it forgets its secrets.

    One that only waits for a host in trouble can be resumed too, which lets it try the host at once.

    Raises:
        UnknownObject, StaleObject: As for every lock.
        NotInStatus: *event* does not happen in its status.
        MailboxAddressTaken: It would be restored beside a live mailbox of the same address.
    """
    mailbox = await lock_row(
        conn,
        mailboxes,
        Noun.MAILBOX,
        workspace_id=workspace_id,
        row_id=mailbox_id,
        expected_version=expected_version,
    )
    if event is MailboxEvent.RESUME and mailbox.status == MailboxStatus.ACTIVE and mailbox.host_troubles:
        await change_mailbox(conn, workspace_id, mailbox_id, changes=CLOSED)
        return
    with refusing(_LIVE_ADDRESS, MailboxAddressTaken(mailbox.email)):
        moved = await conn.execute(
            transition(MAILBOX, mailboxes, event)
            .where(mailboxes.c.workspace_id == workspace_id, mailboxes.c.id == mailbox_id)
            .values({"version": mailboxes.c.version + 1, **_consequences(event, now)})
        )
    if moved.rowcount == 0:
        raise NotInStatus(Noun.MAILBOX, mailbox.status)


_SECRETS = ("password_encrypted", "oauth_provider", "refresh_token_encrypted", "imap_password_encrypted")


def _consequences(event: MailboxEvent, now: datetime) -> dict[str, object]:
    if event is MailboxEvent.RESUME:
        return {"status_reason": None, "blocked_until": None, **CLOSED}
    if event is MailboxEvent.REMOVE:
        return {"removed_at": now, **dict.fromkeys(_SECRETS)}
    if event is MailboxEvent.RESTORE:
        return {"removed_at": None}
    return {}
