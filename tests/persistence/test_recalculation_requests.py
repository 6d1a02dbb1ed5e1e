"""Requests for a recalculation: joined while nobody has begun, made anew afterwards, heard at the commit."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import MailboxId, RecalculationId, WorkspaceId
from domain.recalculations import RecalculationCause
from persistence.database import Database, listen
from persistence.recalculation_requests import request_recalculation
from persistence.tables import recalculations
from tests.support.world import MONDAY, make_mailbox, make_workspace


async def make_world(api_db: Database) -> tuple[WorkspaceId, MailboxId]:
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        return workspace_id, await make_mailbox(conn, workspace_id)


async def ask(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    mailbox_id: MailboxId,
    cause: RecalculationCause = RecalculationCause.MAILBOX_REMOVED,
    **details: str,
) -> RecalculationId:
    return await request_recalculation(
        conn,
        workspace_id,
        cause=cause,
        mailbox_id=mailbox_id,
        details=details,
        requested_by="dashboard",
        now=MONDAY,
    )


async def test_a_request_is_kept_with_who_asked_and_when(api_db: Database) -> None:
    """It is pending, with its cause and scope."""
    workspace_id, mailbox_id = await make_world(api_db)

    async with api_db.transaction(workspace_id) as conn:
        asked = await ask(conn, workspace_id, mailbox_id, policy="CANCEL")

    async with api_db.transaction(workspace_id) as conn:
        row = (await conn.execute(select(recalculations))).one()
    assert (row.id, row.cause, row.mailbox_id, row.sequence_id) == (
        asked,
        "MAILBOX_REMOVED",
        mailbox_id,
        None,
    )
    assert (row.status, row.details) == ("PENDING", {"policy": "CANCEL"})
    assert (row.requested_by, row.requested_at) == ("dashboard", MONDAY)


async def test_an_equal_request_that_is_pending_is_joined(api_db: Database) -> None:
    """One that differs in cause or details is another."""
    workspace_id, mailbox_id = await make_world(api_db)

    async with api_db.transaction(workspace_id) as conn:
        first = await ask(conn, workspace_id, mailbox_id, policy="CANCEL")
    async with api_db.transaction(workspace_id) as conn:
        equal = await ask(conn, workspace_id, mailbox_id, policy="CANCEL")
        other_details = await ask(conn, workspace_id, mailbox_id)
        other_cause = await ask(conn, workspace_id, mailbox_id, RecalculationCause.CAPACITY_CHANGED)

    assert equal == first
    assert len({first, other_details, other_cause}) == 3


async def test_a_request_that_has_begun_is_not_joined(api_db: Database) -> None:
    """Its replan may not have seen the change that asks now."""
    workspace_id, mailbox_id = await make_world(api_db)
    async with api_db.transaction(workspace_id) as conn:
        first = await ask(conn, workspace_id, mailbox_id)

    async with api_db.transaction(workspace_id) as beginning:
        await beginning.execute(update(recalculations).values(status="RUNNING"))
        async with api_db.transaction(workspace_id) as conn:
            while_it_begins = await ask(conn, workspace_id, mailbox_id)

    assert while_it_begins != first


async def test_listeners_hear_of_a_request_when_it_is_committed(api_db: Database, database_url: str) -> None:
    """Also of one that joined another: what it asks for may be new."""
    workspace_id, mailbox_id = await make_world(api_db)

    async with listen(database_url) as listener:
        async with api_db.transaction(workspace_id) as conn:
            await ask(conn, workspace_id, mailbox_id)
            before_the_commit = await listener.next(timeout_s=0.05)
        made = await listener.next(timeout_s=5)
        async with api_db.transaction(workspace_id) as conn:
            await ask(conn, workspace_id, mailbox_id)
        joined = await listener.next(timeout_s=5)

    assert (before_the_commit, made, joined) == (None, "recalculate", "recalculate")
