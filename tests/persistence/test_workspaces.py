"""Workspaces: made by the API's role, and gone with everything in them."""

import psycopg
from sqlalchemy import select

from domain.ids import MailboxId
from persistence.database import Database, libpq_url
from persistence.tables import contacts, scheduled_emails, workspaces
from persistence.workspaces import create_workspace
from tests.support.world import make_email, make_enrollment, make_mailbox, make_sequence


async def test_a_workspace_is_made_and_entered(api_db: Database) -> None:
    """Its maker sees it and writes into it within the same transaction."""
    async with api_db.transaction() as conn:
        workspace_id = await create_workspace(conn, name="Welcome Ltd", zone="Europe/Berlin")
        made = (await conn.execute(select(workspaces))).one()

    assert (made.id, made.name, made.zone, made.send_window) == (
        workspace_id,
        "Welcome Ltd",
        "Europe/Berlin",
        None,
    )


async def test_a_workspace_can_be_deleted_whole(
    api_db: Database, worker_db: Database, database_url: str
) -> None:
    """Every row of it goes along, in whatever order its tables refer to each other."""
    async with api_db.transaction() as conn:
        workspace_id = await create_workspace(conn, name="Welcome Ltd", zone="UTC")
        mailbox_id: MailboxId = await make_mailbox(conn, workspace_id)
        sequence_id = await make_sequence(conn, workspace_id, mailboxes=[mailbox_id])
        enrollment_id = await make_enrollment(conn, workspace_id, sequence_id, mailbox_id=mailbox_id)
        await make_email(conn, enrollment_id)

    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        admin.execute("DELETE FROM workspaces WHERE id = %s", [workspace_id])

    async with worker_db.transaction() as conn:
        left = [(await conn.execute(select(table.c.id))).all() for table in (contacts, scheduled_emails)]
    assert left == [[], []]
