"""Rescue: what its holder cannot finish any more goes back to the plan, or is listed in doubt."""

from typing import Any

import pytest
from sqlalchemy import select, text

from domain.ids import EmailId
from domain.lifecycle import EmailEvent
from persistence.rescue import CRASHES_ALLOWED, Rescued, rescue
from persistence.results import Result
from persistence.tables import mailboxes, scheduled_emails
from tests.persistence.delivery import MINUTE, NOW, TODAY, Delivery, at


async def rescued(delivery: Delivery, **limit: int) -> Rescued:
    async with delivery.db.transaction() as conn:
        return await rescue(conn, now=NOW + MINUTE, **limit)


async def test_a_lease_that_runs_is_left_alone(delivery: Delivery) -> None:
    """Whatever the status."""
    first, second = await delivery.due(2)
    await delivery.committed(first)
    await delivery.begun(second)

    assert await rescued(delivery) == Rescued((), (), ())
    assert await delivery.statuses(first, second) == ["COMMITTING", "SENDING"]


async def test_what_was_only_queued_is_pending_again(delivery: Delivery) -> None:
    """Its message was lost or is late: its budget is given back, and nothing is held against it."""
    (due,) = await delivery.due()
    await delivery.claim()
    await delivery.expire(due)

    assert await rescued(delivery) == Rescued((due,), (), ())

    email = await delivery.email(due)
    assert (email.status, email.crashes, email.attempt, email.lease_until) == ("PENDING", 0, 0, None)
    assert await delivery.day() == (30, 0, 0, 0)
    assert await delivery.events(due) == [("RESCUE", None)]


async def test_what_was_being_sent_is_pending_again_and_had_a_crash(delivery: Delivery) -> None:
    """The attempt is not given back, so its worker's token opens nothing any more."""
    (due,) = await delivery.due()
    attempt = await delivery.begun(due)
    await delivery.expire(due)

    assert await rescued(delivery) == Rescued((due,), (), ())

    email = await delivery.email(due)
    assert (email.status, email.crashes, email.attempt, email.send_at) == ("PENDING", 1, 1, NOW)
    assert await delivery.day() == (30, 0, 0, 0)
    assert await delivery.commit(attempt) == frozenset()
    (again,) = await delivery.claim()
    assert (again.attempt, again.crashes) == (2, 1)


async def test_what_ends_its_worker_each_time_is_given_up(delivery: Delivery) -> None:
    """After the crash among others it is sent alone: three more, and it is what kills them."""
    (due,) = await delivery.due()
    for crashes in range(1, CRASHES_ALLOWED + 1):
        await delivery.begun(due)
        await delivery.expire(due)
        assert await rescued(delivery) == Rescued((due,), (), ())
        assert (await delivery.email(due)).crashes == crashes

    await delivery.begun(due)
    await delivery.expire(due)

    assert await rescued(delivery) == Rescued((), (), (due,))
    email = await delivery.email(due)
    assert (email.status, email.failure_reason, email.lease_until) == ("FAILED", "POISON", None)
    assert await delivery.day() == (30, 0, 0, 0)
    assert (await delivery.enrollment_of(due)).status == "FAILED"
    assert (await delivery.events(due))[-1] == ("FAIL", "POISON")


async def test_what_waits_in_a_queue_is_no_crash_however_often(delivery: Delivery) -> None:
    """An email that crashed before is only counted when it was begun."""
    due = await delivery.add(status="QUEUED", crashes=CRASHES_ALLOWED, lease_until=at(0, day=1))

    assert await rescued(delivery) == Rescued((due,), (), ())
    assert (await delivery.email(due)).crashes == CRASHES_ALLOWED


@pytest.mark.parametrize(("policy", "next_position"), [("ASSUME_SENT", 2), ("HOLD", 1)])
async def test_what_was_committed_is_in_doubt(delivery: Delivery, policy: str, next_position: int) -> None:
    """It stays charged; the mailbox says whether its sequence goes on, from the time of the commit."""
    await delivery.change(mailboxes, delivery.mailbox_id, in_doubt_policy=policy)
    (due,) = await delivery.due(send_at=at(8, 55, day=3), window_day=TODAY)
    await delivery.committed(due, now=at(9, day=3))
    await delivery.expire(due)

    assert await rescued(delivery) == Rescued((), (due,), ())

    email, enrollment = await delivery.email(due), await delivery.enrollment_of(due)
    tuesday = at(9, day=3).date()
    assert (email.status, email.lease_until, email.window_day) == ("IN_DOUBT", None, tuesday)
    assert email.last_error == "The sender was lost after the handover."
    assert await delivery.day(tuesday) == (30, 1, 0, 0)
    assert (await delivery.events(due))[-1] == ("LOSE_SIGHT", "SENDER_LOST")
    assert enrollment.next_position == next_position
    assert enrollment.last_window_day == (tuesday if next_position == 2 else None)


async def test_the_late_250_of_a_sender_that_was_given_up_counts(delivery: Delivery) -> None:
    """It was in doubt for a while, and is sent."""
    (due,) = await delivery.due()
    attempt = await delivery.committed(due)
    await delivery.expire(due)
    await rescued(delivery)

    assert await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250)) == {due}
    assert (await delivery.statuses(due), await delivery.day()) == (["SENT"], (30, 1, 1, 0))


async def test_the_oldest_are_rescued_first(delivery: Delivery) -> None:
    """At most so many at a time."""
    young, old = [
        await delivery.add(status="QUEUED", lease_until=lease_until)
        for lease_until in (at(2, day=1), at(1, day=1))
    ]

    assert await rescued(delivery, limit=1) == Rescued((old,), (), ())
    assert await delivery.statuses(old, young) == ["PENDING", "QUEUED"]


async def test_an_email_that_someone_holds_is_left_to_them(delivery: Delivery) -> None:
    """Its result is being written at this moment."""
    due = await delivery.add(status="QUEUED", lease_until=at(1, day=1))

    async with delivery.db.transaction() as conn:
        await conn.execute(select(scheduled_emails.c.id).with_for_update())
        assert await rescued(delivery) == Rescued((), (), ())

    assert await delivery.statuses(due) == ["QUEUED"]


async def test_the_rescued_are_of_all_workspaces_and_mailboxes(delivery: Delivery) -> None:
    """Each day gets back what is its own."""
    other = await delivery.mailbox()
    mine: list[EmailId] = await delivery.due()
    theirs = await delivery.due(mailbox_id=other)
    await delivery.claim()
    await delivery.expire(*mine, *theirs)

    found: Any = await rescued(delivery)

    assert set(found.released) == {*mine, *theirs}
    assert await delivery.day() == await delivery.day(mailbox_id=other) == (30, 0, 0, 0)
    async with delivery.db.transaction() as conn:
        assert await conn.scalar(text("SELECT count(*) FROM email_events")) == 2
