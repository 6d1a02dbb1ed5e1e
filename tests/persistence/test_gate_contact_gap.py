"""The gate and the days between emails that one contact gets from several sequences."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.gate import Hold
from domain.ids import ContactId, EmailId
from persistence.attempts import Attempt, Held, Ticket
from persistence.database import Database
from persistence.gate import begin_attempts
from tests.persistence.delivery import LEASE, NOW, TODAY, Delivery, make_delivery
from tests.support.world import make_contact, make_email, make_enrollment, make_sequence

DAY = timedelta(days=1)


class Office:
    """A contact of *delivery* in several sequences, whose emails are three days apart."""

    def __init__(self, delivery: Delivery, contact_id: ContactId) -> None:
        self.delivery = delivery
        self.contact_id = contact_id

    async def email(self, *, priority: int = 0, **email: Any) -> EmailId:
        """An email to the contact, of a sequence and a mailbox of its own."""
        delivery = self.delivery
        mailbox_id = await delivery.mailbox()
        async with delivery.db.transaction() as conn:
            sequence_id = await make_sequence(
                conn, delivery.workspace_id, mailboxes=[mailbox_id], priority=priority
            )
            enrollment_id = await make_enrollment(
                conn, delivery.workspace_id, sequence_id, self.contact_id, mailbox_id=mailbox_id
            )
            return await make_email(conn, enrollment_id, **email)

    async def left(self, days: int, *, status: str = "SENT", **email: Any) -> EmailId:
        """One that left so many *days* ago."""
        day = TODAY - days * DAY
        return await self.email(
            status=status, send_at=NOW - days * DAY, window_day=day, quota_day=day, **email
        )

    async def queued(self, **email: Any) -> EmailId:
        """One that is due, and claimed."""
        return await self.email(status="QUEUED", quota_day=TODAY, **email)

    async def set_gap(self, days: int | None) -> None:
        async with self.delivery.db.transaction() as conn:
            await conn.execute(text("SET LOCAL ROLE none"))
            await conn.execute(text("UPDATE workspaces SET contact_min_gap_days = :days"), {"days": days})


@pytest.fixture
async def office(worker_db: Database) -> Office:
    delivery = await make_delivery(worker_db)
    async with worker_db.transaction() as conn:
        contact_id = await make_contact(conn, delivery.workspace_id)
    office = Office(delivery, contact_id)
    await office.set_gap(3)
    return office


@pytest.mark.parametrize("status", ["SENT", "COMMITTING", "IN_DOUBT"])
async def test_an_email_too_close_to_one_that_left_goes_back_to_the_planner(
    office: Office, status: str
) -> None:
    """Two days ago, and there are to be three between them; it costs no budget and no attempt."""
    await office.left(2, status=status)
    due = await office.queued()

    admitted = await office.delivery.begin(Ticket(due, 1))

    email, enrollment = await office.delivery.email(due), await office.delivery.enrollment_of(due)
    assert admitted == {due: Held(due, Hold.CONTACT_MIN_GAP)}
    assert (email.status, email.attempt, email.released_because) == ("PENDING", 0, "CONTACT_MIN_GAP")
    assert enrollment.planned_at is None


async def test_what_begins_now_counts_for_today(office: Office) -> None:
    """It was planned for a day that was far enough away, and leaves late."""
    await office.email(status="SENDING", send_at=NOW - 9 * DAY, window_day=TODAY - 9 * DAY, quota_day=TODAY)
    due = await office.queued()

    assert await office.delivery.begin(Ticket(due, 1)) == {due: Held(due, Hold.CONTACT_MIN_GAP)}


async def test_far_enough_is_as_many_days_as_the_gap(office: Office) -> None:
    await office.left(3)
    due = await office.queued()

    admitted = await office.delivery.begin(Ticket(due, 1))

    assert isinstance(admitted[due], Attempt)


@pytest.mark.parametrize("status", ["PENDING", "FAILED", "CANCELLED", "RETRYING"])
async def test_what_did_not_leave_keeps_nobody_away(office: Office, status: str) -> None:
    """Of two that are only planned the plan takes care."""
    await office.left(1, status=status)
    due = await office.queued()

    admitted = await office.delivery.begin(Ticket(due, 1))

    assert isinstance(admitted[due], Attempt)


async def test_urgent_sequences_neither_keep_the_gap_nor_is_it_kept_to_them(office: Office) -> None:
    await office.left(0, priority=1)
    ordinary = await office.queued()
    urgent = await office.queued(priority=1)

    admitted = await office.delivery.begin(Ticket(ordinary, 1), Ticket(urgent, 1))

    assert [type(admitted[each]) for each in (ordinary, urgent)] == [Attempt, Attempt]


async def test_without_a_gap_all_leave_and_nothing_is_read(office: Office) -> None:
    """Their contact is not even locked."""
    await office.set_gap(None)
    await office.left(0)
    due = await office.queued()

    async with office.delivery.db.transaction() as conn:
        admitted = await begin_attempts(conn, [Ticket(due, 1)], now=NOW, lease=LEASE)
        ours = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        held = await conn.scalar(text(ours))

    assert isinstance(admitted[due], Attempt)
    assert held == 0


async def test_of_two_in_one_message_one_leaves(office: Office) -> None:
    """The one that was planned for the earlier time."""
    later = await office.queued(send_at=NOW)
    sooner = await office.queued(send_at=NOW - timedelta(minutes=1))

    admitted = await office.delivery.begin(Ticket(later, 1), Ticket(sooner, 1))

    assert isinstance(admitted[sooner], Attempt)
    assert admitted[later] == Held(later, Hold.CONTACT_MIN_GAP)


async def test_of_two_that_begin_in_the_same_moment_one_leaves(office: Office) -> None:
    """From two mailboxes, by two workers: whoever is second waits for the first, and sees it."""
    first, second = await office.queued(), await office.queued()
    async with office.delivery.db.transaction() as conn:
        begun = await begin_attempts(conn, [Ticket(first, 1)], now=NOW, lease=LEASE)
        other = asyncio.create_task(office.delivery.begin(Ticket(second, 1)))
        done, _ = await asyncio.wait([other], timeout=0.3)

    assert isinstance(begun[first], Attempt)
    assert done == set()
    assert await other == {second: Held(second, Hold.CONTACT_MIN_GAP)}


async def test_of_two_follow_ups_of_one_enrollment_the_waits_alone_decide(office: Office) -> None:
    """What its own sequence sent yesterday is no reason."""
    delivery = office.delivery
    sent = await delivery.add(status="SENT", window_day=TODAY - DAY)
    owner = (await delivery.email(sent)).enrollment_id
    follow_up = await delivery.add(owner, position=2, status="QUEUED", quota_day=TODAY)
    async with delivery.db.transaction() as conn:
        await conn.execute(text("UPDATE enrollments SET next_position = 2 WHERE id = :id"), {"id": owner})

    admitted = await delivery.begin(Ticket(follow_up, 1))

    assert isinstance(admitted[follow_up], Attempt)
