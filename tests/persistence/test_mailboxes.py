"""Mailboxes: one per address in the world, moved only as their lifecycle allows, forgotten secrets."""

import pytest
from sqlalchemy import select

from domain.ids import MailboxId
from domain.lifecycle import MailboxEvent
from persistence.database import Database
from persistence.ids import uuid7
from persistence.mailboxes import add_mailbox, change_mailbox, lock_mailbox, move_mailbox
from persistence.refusals import MailboxAddressTaken, NotInStatus, StaleObject, UnknownObject
from persistence.sequence_mailboxes import link_mailboxes, unlink_mailboxes
from persistence.tables import mailboxes, sequence_mailboxes
from tests.support.world import MONDAY, make_mailbox, make_sequence, make_workspace

SETTINGS = {
    "name": "Sales",
    "email": "sales@example.com",
    "normalised_email": "sales@example.com",
    "zone": "Europe/Berlin",
    "host": "smtp.example.com",
}


async def test_a_new_mailbox_sends_thirty_emails_a_day(api_db: Database) -> None:
    """What is not given is ordinary: STARTTLS on port 587, one second between emails."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
    mailbox_id = MailboxId(uuid7())

    async with api_db.transaction(workspace_id) as conn:
        await add_mailbox(conn, workspace_id, mailbox_id, settings=SETTINGS)

        row = (await conn.execute(select(mailboxes))).one()
    assert (row.id, row.status, row.daily_capacity, row.minimum_gap_s) == (mailbox_id, "ACTIVE", 30, 1)
    assert (row.security, row.port, row.password_encrypted) == ("STARTTLS", 587, None)


async def test_an_address_is_taken_in_every_workspace(api_db: Database) -> None:
    """By a live mailbox that this workspace cannot even see."""
    async with api_db.transaction() as conn:
        mine, theirs = await make_workspace(conn), await make_workspace(conn)
        await make_mailbox(conn, theirs, email="sales@example.com")

    with pytest.raises(MailboxAddressTaken) as refusal:
        async with api_db.transaction(mine) as conn:
            await add_mailbox(conn, mine, MailboxId(uuid7()), settings=SETTINGS)

    assert refusal.value.address == "sales@example.com"


async def test_the_address_of_a_removed_mailbox_is_free(api_db: Database) -> None:
    """The removed one keeps its row."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        await make_mailbox(conn, workspace_id, email="sales@example.com", status="REMOVED")

    async with api_db.transaction(workspace_id) as conn:
        await add_mailbox(conn, workspace_id, MailboxId(uuid7()), settings=SETTINGS)

        statuses = await conn.scalars(select(mailboxes.c.status).order_by(mailboxes.c.id))
        assert statuses.all() == ["REMOVED", "ACTIVE"]


async def test_a_change_brings_a_new_version(api_db: Database) -> None:
    """What is not named stays."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = await make_mailbox(conn, workspace_id, name="Sales")

    async with api_db.transaction(workspace_id) as conn:
        await change_mailbox(conn, workspace_id, mailbox_id, changes={"daily_capacity": 0})

        row = (await conn.execute(select(mailboxes))).one()
    assert (row.name, row.daily_capacity, row.version) == ("Sales", 0, 2)


async def test_a_mailbox_that_comes_back_has_no_complaint_left(api_db: Database) -> None:
    """Neither a reason nor a time until which it is blocked."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = await make_mailbox(
            conn, workspace_id, status="BLOCKED", status_reason="5.4.5 limit", blocked_until=MONDAY
        )

    async with api_db.transaction(workspace_id) as conn:
        await move_mailbox(conn, workspace_id, mailbox_id, event=MailboxEvent.RESUME, now=MONDAY)

        row = (await conn.execute(select(mailboxes))).one()
    assert (row.status, row.status_reason, row.blocked_until) == ("ACTIVE", None, None)


async def test_a_removed_mailbox_forgets_its_passwords(api_db: Database) -> None:
    """It stays for its history, and nothing happens to it any more."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = await make_mailbox(
            conn, workspace_id, password_encrypted=b"secret", imap_password_encrypted=b"secret"
        )

    async with api_db.transaction(workspace_id) as conn:
        await move_mailbox(conn, workspace_id, mailbox_id, event=MailboxEvent.REMOVE, now=MONDAY)

    async with api_db.transaction(workspace_id) as conn:
        row = (await conn.execute(select(mailboxes))).one()
        with pytest.raises(NotInStatus) as refusal:
            await move_mailbox(conn, workspace_id, mailbox_id, event=MailboxEvent.RESUME, now=MONDAY)
    assert (row.status, row.removed_at, row.version) == ("REMOVED", MONDAY, 2)
    assert (row.password_encrypted, row.imap_password_encrypted) == (None, None)
    assert refusal.value.status == "REMOVED"


async def test_mailboxes_that_cannot_be_changed_are_refused(worker_db: Database) -> None:
    """Of another workspace, of another version, or in a status in which the event does not happen."""
    async with worker_db.transaction() as conn:
        mine, theirs = await make_workspace(conn), await make_workspace(conn)
        foreign = await make_mailbox(conn, theirs)
        active = await make_mailbox(conn, mine)

        with pytest.raises(UnknownObject):
            await lock_mailbox(conn, mine, foreign)
        with pytest.raises(StaleObject):
            await lock_mailbox(conn, mine, active, expected_version=4)
        with pytest.raises(NotInStatus) as refusal:
            await move_mailbox(conn, mine, active, event=MailboxEvent.RESUME, now=MONDAY)

    assert refusal.value.status == "ACTIVE"


async def test_links_are_made_once_and_taken_away(api_db: Database) -> None:
    """Each call answers what it really changed."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        first, second = [await make_mailbox(conn, workspace_id) for _ in range(2)]
        sequence_id = await make_sequence(conn, workspace_id, mailboxes=[first])

    async with api_db.transaction(workspace_id) as conn:
        linked = await link_mailboxes(conn, workspace_id, sequence_id, mailbox_ids=[first, second])
        again = await link_mailboxes(conn, workspace_id, sequence_id, mailbox_ids=[first, second])
        unlinked = await unlink_mailboxes(conn, workspace_id, sequence_id, mailbox_ids=[first])
        none = await unlink_mailboxes(conn, workspace_id, sequence_id, mailbox_ids=[first])

        left = await conn.scalars(select(sequence_mailboxes.c.mailbox_id))
        assert left.all() == [second]
    assert (linked, again, unlinked, none) == ([second], [], [first], [])


async def test_only_mailboxes_of_the_workspace_in_use_are_linked(worker_db: Database) -> None:
    """One that is not is refused together with all the others."""
    async with worker_db.transaction() as conn:
        mine, theirs = await make_workspace(conn), await make_workspace(conn)
        own = await make_mailbox(conn, mine)
        removed = await make_mailbox(conn, mine, status="REMOVED")
        foreign = await make_mailbox(conn, theirs)
        sequence_id = await make_sequence(conn, mine)

        with pytest.raises(UnknownObject) as unknown:
            await link_mailboxes(conn, mine, sequence_id, mailbox_ids=[own, foreign])
        with pytest.raises(NotInStatus):
            await link_mailboxes(conn, mine, sequence_id, mailbox_ids=[own, removed])

        assert (await conn.execute(select(sequence_mailboxes))).all() == []
    assert unknown.value.ids == {foreign}
