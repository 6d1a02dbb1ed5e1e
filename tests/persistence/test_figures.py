"""Figures of the installation: how many emails are in which state, and how the mailboxes fared."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import ProgrammingError

from persistence import figures as module
from persistence.database import Database
from persistence.figures import count_emails, read_figure, write_figure
from persistence.tables import figures, mailbox_days, mailboxes
from tests.persistence.delivery import NOW, TODAY, Delivery


async def test_a_figure_is_the_last_one_that_was_taken(worker_db: Database, api_db: Database) -> None:
    """Who reads it may not write it."""
    async with worker_db.transaction() as conn:
        none = await read_figure(conn, "emails")
        await write_figure(conn, "emails", {"due": 1})
        first = await read_figure(conn, "emails")
        await write_figure(conn, "emails", {"due": 2})
    async with api_db.transaction() as conn:
        second = await read_figure(conn, "emails")
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with api_db.transaction() as conn:
            await conn.execute(update(figures).values(value={}))

    assert none is None
    assert first is not None
    assert second is not None
    assert (first.value, second.value) == ({"due": 1}, {"due": 2})
    assert first.measured_at < second.measured_at


async def test_emails_are_counted_over_all_workspaces(delivery: Delivery) -> None:
    """By state, and who waits longest of those that could leave."""
    await delivery.due(2)
    await delivery.add(send_at=NOW - timedelta(minutes=7))
    await delivery.add(send_at=NOW + timedelta(hours=1))
    await delivery.add(send_at=None, unplaced_reason="NO_CAPACITY")
    for status in (
        "QUEUED",
        "SENDING",
        "COMMITTING",
        "RETRYING",
        "RETRYING",
        "IN_DOUBT",
        "SENT",
        "CANCELLED",
    ):
        await delivery.add(status=status)
    other_id = await delivery.mailbox()
    for mailbox_id, sent, failed in ((delivery.mailbox_id, 5, 2), (other_id, 7, 0)):
        row = {"workspace_id": delivery.workspace_id, "mailbox_id": mailbox_id, "day": TODAY, "capacity": 30}
        async with delivery.db.transaction() as conn:
            await conn.execute(insert(mailbox_days).values(row | {"sent": sent, "failed": failed}))

    async with delivery.db.transaction() as conn:
        counted = await count_emails(conn, now=NOW)

    assert counted == {
        "states": {
            "PENDING": 5,
            "QUEUED": 1,
            "SENDING": 1,
            "COMMITTING": 1,
            "RETRYING": 2,
            "IN_DOUBT": 1,
            "SENT": 12,
            "FAILED": 2,
        },
        "due": 3,
        "late": 1,
        "oldest_due_s": 420.0,
        "sent": {str(delivery.mailbox_id): 5, str(other_id): 7},
        "failed": {str(delivery.mailbox_id): 2, str(other_id): 0},
    }


async def test_what_is_on_hold_is_not_waited_for(delivery: Delivery) -> None:
    """What is due, and late, is what could leave."""
    await delivery.add(send_at=NOW - timedelta(days=3))
    await delivery.change(mailboxes, delivery.mailbox_id, status="PAUSED")

    async with delivery.db.transaction() as conn:
        counted = await count_emails(conn, now=NOW)

    assert (counted["due"], counted["late"], counted["oldest_due_s"]) == (0, 0, 0.0)


async def test_only_so_many_mailboxes_are_named(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest ones, which stay the same; all others are counted together."""
    monkeypatch.setattr(module, "_MOST_MAILBOXES", 1)
    others = [await delivery.mailbox() for _ in range(2)]
    async with delivery.db.transaction() as conn:
        for mailbox_id in (delivery.mailbox_id, *others):
            row = {"workspace_id": delivery.workspace_id, "mailbox_id": mailbox_id, "day": TODAY}
            await conn.execute(insert(mailbox_days).values(row | {"capacity": 30, "sent": 3}))
        counted = await count_emails(conn, now=NOW)

    assert counted["sent"] == {str(delivery.mailbox_id): 3, "others": 6}
