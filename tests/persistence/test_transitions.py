"""The guarded update: an event moves what it may and leaves the rest."""

import pytest
from sqlalchemy import select

from domain.lifecycle import EMAIL, MAILBOX, EmailEvent, EmailStatus, MailboxEvent
from persistence.database import Database
from persistence.tables import mailboxes, scheduled_emails
from persistence.transitions import transition
from tests.support.world import make_email, make_enrollment, make_mailbox, make_sequence, make_workspace


@pytest.mark.parametrize("event", list(EmailEvent))
async def test_an_event_moves_the_emails_that_it_may_and_no_other(
    worker_db: Database, event: EmailEvent
) -> None:
    """With one email in each state, the ones after the event are as the lifecycle has them."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = await make_mailbox(conn, workspace_id)
        sequence_id = await make_sequence(conn, workspace_id)
        emails = {
            status: await make_email(
                conn,
                await make_enrollment(conn, workspace_id, sequence_id, mailbox_id=mailbox_id),
                status=str(status),
            )
            for status in EmailStatus
        }

        moved = await conn.execute(transition(EMAIL, scheduled_emails, event))

        found = await conn.execute(select(scheduled_emails.c.id, scheduled_emails.c.status))
        after = {row.id: row.status for row in found}
    assert {status: after[email_id] for status, email_id in emails.items()} == {
        status: EMAIL.after(status, event) or status for status in EmailStatus
    }
    assert moved.rowcount == len(EMAIL.sources(event))


async def test_a_transition_is_narrowed_and_says_whom_it_moved(worker_db: Database) -> None:
    """The caller's own condition comes on top, and a row that was elsewhere is not returned."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        active = await make_mailbox(conn, workspace_id)
        removed = await make_mailbox(conn, workspace_id, status="REMOVED")
        bystander = await make_mailbox(conn, workspace_id)

        paused = await conn.scalars(
            transition(MAILBOX, mailboxes, MailboxEvent.PAUSE)
            .where(mailboxes.c.id.in_([active, removed]))
            .values(status_reason="on holiday")
            .returning(mailboxes.c.id)
        )

        assert paused.all() == [active]
        untouched = await conn.execute(
            select(mailboxes.c.status, mailboxes.c.status_reason).where(mailboxes.c.id == bystander)
        )
        assert untouched.one() == ("ACTIVE", None)
