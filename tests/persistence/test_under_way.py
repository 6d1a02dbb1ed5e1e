"""What is under way: named by its mailbox from its claim on, and looked at before it counts."""

from datetime import timedelta

from sqlalchemy import text

from domain.ids import EmailId
from domain.lifecycle import EmailEvent
from persistence.attempts import Ticket
from persistence.claims import claim_due
from persistence.mailbox_loads import read_loads
from persistence.rescue import rescue
from persistence.results import Result
from persistence.tables import enrollments, mailboxes, scheduled_emails
from persistence.under_way import UNDER_WAY, forget_ended
from tests.persistence.delivery import LEASE, MINUTE, NOW, Delivery


async def under_way(delivery: Delivery) -> list[EmailId]:
    async with delivery.db.transaction() as conn:
        rows = await conn.scalars(text(f"SELECT e.id FROM {UNDER_WAY} AS e ORDER BY e.id"))
        return [EmailId(row) for row in rows]


async def named(delivery: Delivery) -> list[EmailId]:
    """By the mailbox, whatever has become of it."""
    async with delivery.db.transaction() as conn:
        rows = await conn.scalars(
            text("SELECT unnest(under_way) FROM mailboxes WHERE id = :id"), {"id": delivery.mailbox_id}
        )
        return [EmailId(row) for row in rows]


async def counted(delivery: Delivery) -> tuple[int, int]:
    """Under way and not begun, in the load of the mailbox."""
    async with delivery.db.transaction() as conn:
        loads = await read_loads(conn, [delivery.mailbox_id], now=NOW)
    load = loads[delivery.mailbox_id]
    return load.in_flight, len(load.under_way) - load.in_flight


async def test_what_is_claimed_is_under_way_until_it_ends(delivery: Delivery) -> None:
    """Claimed, begun and committed; nobody has to strike it off when it is sent."""
    (due,) = await delivery.due()
    assert await under_way(delivery) == []

    attempt = await delivery.begun(due)
    assert (await under_way(delivery), await counted(delivery)) == ([due], (1, 0))
    await delivery.commit(attempt)
    assert await under_way(delivery) == [due]
    await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250))

    assert (await under_way(delivery), await counted(delivery)) == ([], (0, 0))
    assert await named(delivery) == [due]


async def test_the_next_claim_leaves_out_what_has_ended(delivery: Delivery) -> None:
    """So a mailbox never names more than it may have under way, and what ended since."""
    (first,) = await delivery.due()
    await delivery.sent(first)
    await delivery.due(2)

    claimed = await delivery.claimed()

    assert sorted(await named(delivery)) == sorted(claimed)


async def test_the_next_claim_keeps_what_is_still_under_way(delivery: Delivery) -> None:
    (first,) = await delivery.due()
    await delivery.begun(first)
    (second,) = await delivery.due()

    await delivery.claimed()

    assert sorted(await named(delivery)) == sorted([first, second])
    assert await counted(delivery) == (1, 1)


async def test_a_retry_that_begins_is_under_way(delivery: Delivery) -> None:
    """It was not while it waited; when its worker is lost, it is found like every other."""
    retry = await delivery.add(status="RETRYING", attempt=1, retry_at=NOW)
    other = await delivery.begun((await delivery.due())[0])
    assert await under_way(delivery) == [other.email_id]

    await delivery.begin(Ticket(retry, 2))
    assert await under_way(delivery) == sorted([retry, other.email_id])

    await delivery.expire(retry)
    async with delivery.db.transaction() as conn:
        found = await rescue(conn, now=NOW + timedelta(hours=1))
    assert found.released == (retry,)


async def test_a_name_counts_for_the_mailbox_that_sends_it_alone(delivery: Delivery) -> None:
    """An email that was given back and moved to another mailbox is still named by the first one."""
    other = await delivery.mailbox()
    (due,) = await delivery.due()
    await delivery.claimed()
    await delivery.change(scheduled_emails, due, status="PENDING", lease_until=None, mailbox_id=other)
    await delivery.change(enrollments, (await delivery.email(due)).enrollment_id, mailbox_id=other)

    await delivery.claimed(now=NOW + MINUTE)

    assert await under_way(delivery) == [due]
    assert await counted(delivery) == (0, 0)
    assert await delivery.under_way() == (1, 0)


async def test_a_gap_is_kept_with_the_names(delivery: Delivery) -> None:
    """One statement writes both; a mailbox without a gap keeps the instant that it had."""
    gapped = await delivery.mailbox(minimum_gap_s=60)
    await delivery.due()
    await delivery.due(mailbox_id=gapped)

    await delivery.claimed()

    async with delivery.db.transaction() as conn:
        allowed = await conn.execute(mailboxes.select().order_by(mailboxes.c.id))
        assert [row.next_allowed_at for row in allowed] == [None, NOW + MINUTE]


async def forgotten(delivery: Delivery, *, after: timedelta) -> None:
    async with delivery.db.transaction() as conn:
        await forget_ended(conn, now=NOW + after)


async def test_a_mailbox_that_rests_forgets_what_has_ended(delivery: Delivery) -> None:
    """Or everyone would look at it for as long as nothing else is claimed there."""
    (due,) = await delivery.due()
    await delivery.sent(due)

    await forgotten(delivery, after=timedelta(seconds=9))
    assert await named(delivery) == [due]
    await forgotten(delivery, after=timedelta(seconds=10))
    assert await named(delivery) == []


async def test_a_mailbox_names_what_is_under_way_however_long(delivery: Delivery) -> None:
    """Claimed and never begun, or begun: with all that it names beside it."""
    first, second = await delivery.due(2)
    await delivery.claimed()
    await forgotten(delivery, after=60 * MINUTE)
    assert await under_way(delivery) == sorted([first, second])

    await delivery.sent(first)
    await delivery.begun(second)
    await forgotten(delivery, after=60 * MINUTE)
    assert await under_way(delivery) == [second]


async def test_what_is_claimed_meanwhile_is_not_forgotten(delivery: Delivery) -> None:
    """The claim holds the mailbox, which nobody waits for; and a name that it has given stays."""
    (first,) = await delivery.due()
    await delivery.sent(first)
    (second,) = await delivery.due()

    async with delivery.db.transaction() as conn:
        await claim_due(conn, now=NOW + MINUTE, limit=1, most_queued=1, lease=LEASE)
        await forgotten(delivery, after=MINUTE)

    assert await named(delivery) == [second]
