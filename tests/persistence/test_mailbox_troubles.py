"""Mailboxes that cannot send: set aside, and let send again when their rest is over."""

import pytest
from sqlalchemy import select

from persistence.mailbox_troubles import block, refuse_login, unblock_rested
from persistence.tables import mailboxes
from tests.persistence.delivery import MINUTE, NOW, Delivery


async def mailbox_of(delivery: Delivery) -> tuple[str, str | None, object]:
    columns = mailboxes.c
    async with delivery.db.transaction() as conn:
        row = (await conn.execute(select(columns.status, columns.status_reason, columns.blocked_until))).one()
    return row.status, row.status_reason, row.blocked_until


async def refused(delivery: Delivery) -> bool:
    async with delivery.db.transaction() as conn:
        return await refuse_login(conn, delivery.mailbox_id, reason="535 5.7.8", now=NOW)


async def blocked(delivery: Delivery) -> bool:
    async with delivery.db.transaction() as conn:
        until = NOW + 60 * MINUTE
        return await block(conn, delivery.mailbox_id, until=until, reason="550 5.4.5", now=NOW)


async def unblocked(delivery: Delivery, minutes: int) -> list[object]:
    async with delivery.db.transaction() as conn:
        return list(await unblock_rested(conn, now=NOW + minutes * MINUTE))


async def test_a_refused_login_waits_for_a_person(delivery: Delivery) -> None:
    """Once: its sequences say what becomes of its emails."""
    assert [await refused(delivery), await refused(delivery)] == [True, False]
    assert await mailbox_of(delivery) == ("NEEDS_AUTH", "535 5.7.8", None)
    assert await delivery.requested() == [("MAILBOX_PAUSED", delivery.mailbox_id, "sender")]
    assert await unblocked(delivery, 24 * 60) == []


async def test_a_blocked_mailbox_rests_and_then_sends_again(delivery: Delivery) -> None:
    """Its emails are placed anew when it comes back."""
    assert [await blocked(delivery), await blocked(delivery)] == [True, False]
    assert await mailbox_of(delivery) == ("BLOCKED", "550 5.4.5", NOW + 60 * MINUTE)

    assert await unblocked(delivery, 59) == []
    assert await unblocked(delivery, 60) == [delivery.mailbox_id]
    assert await mailbox_of(delivery) == ("ACTIVE", None, None)
    assert await delivery.requested() == [
        ("MAILBOX_PAUSED", delivery.mailbox_id, "sender"),
        ("MAILBOX_RESUMED", delivery.mailbox_id, "clock"),
    ]


async def test_a_login_may_be_refused_while_the_mailbox_rests(delivery: Delivery) -> None:
    """Then it no longer comes back by itself."""
    await blocked(delivery)

    assert await refused(delivery)
    assert await unblocked(delivery, 24 * 60) == []
    assert await mailbox_of(delivery) == ("NEEDS_AUTH", "535 5.7.8", None)


@pytest.mark.parametrize("status", ["PAUSED", "REMOVED"])
async def test_who_was_paused_or_removed_by_a_person_stays_so(delivery: Delivery, status: str) -> None:
    """What a server says afterwards changes nothing."""
    await delivery.change(mailboxes, delivery.mailbox_id, status=status)

    assert not await refused(delivery)
    assert not await blocked(delivery)
    assert (await mailbox_of(delivery), await delivery.requested()) == ((status, None, None), [])
