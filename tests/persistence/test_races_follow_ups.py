"""Races around the step before: a follow-up never overtakes it, and a stop never tears it away."""

import asyncio
from datetime import timedelta
from typing import Any

from domain.ids import EmailId, EnrollmentId
from domain.lifecycle import EmailEvent
from persistence.attempts import Attempt, Ticket
from persistence.audit import PROMISES, breach_of
from persistence.database import Database
from persistence.rescue import rescue
from persistence.results import Result
from persistence.suppressions import unsubscribe
from tests.persistence.delivery import MINUTE, NOW, TODAY, Delivery, make_delivery

ROUNDS = 8
DAY = timedelta(days=1)
SAME_DAY = ((0, "Welcome", "Hello"), (0, "One more thing", "Hello again"))


async def make_busy_delivery(worker_db: Database) -> Delivery:
    """With someone who is on the way all the time, so that the sequence is never complete."""
    delivery = await make_delivery(worker_db, steps=SAME_DAY)
    await delivery.add(send_at=NOW + timedelta(hours=9))
    return delivery


async def both_due(delivery: Delivery, **first: Any) -> tuple[EmailId, EmailId]:
    """The two emails of a new contact, both of which could leave now."""
    email_id = await delivery.add(**first)
    enrollment_id = EnrollmentId((await delivery.email(email_id)).enrollment_id)
    return email_id, await delivery.add(enrollment_id, position=2, mailbox_id=delivery.mailbox_id)


async def test_a_follow_up_waits_for_a_retry_that_comes_back_at_the_same_moment(worker_db: Database) -> None:
    """Claimed only after the step before it was accepted, however dispatcher and sender meet."""
    delivery = await make_busy_delivery(worker_db)
    for _ in range(ROUNDS):
        first, second = await both_due(delivery, status="RETRYING", retry_at=NOW, attempt=1)

        claimed, admitted, claimed_too = await asyncio.gather(
            delivery.claimed(), delivery.begin(Ticket(first, 2)), delivery.claimed()
        )

        attempt = admitted[first]
        assert isinstance(attempt, Attempt)
        assert (claimed, claimed_too) == ([], [])
        await delivery.commit(attempt)
        accepted, claimed = await asyncio.gather(
            delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250)), delivery.claimed()
        )
        assert accepted == {first}
        assert claimed in ([], [second])
        assert [*claimed, *await delivery.claimed()] == [second]
        await delivery.sent(second)


async def test_a_follow_up_waits_while_the_step_before_it_is_tried_again(worker_db: Database) -> None:
    """For as long as that takes: its own time has come and its mailbox has room."""
    delivery = await make_delivery(worker_db, steps=SAME_DAY)
    await both_due(delivery, status="RETRYING", retry_at=NOW + timedelta(hours=1), attempt=1)

    assert await delivery.claimed() == []
    assert await delivery.claimed(now=NOW + timedelta(minutes=5)) == []


async def test_a_250_that_is_read_after_the_follow_up_left_stays_before_it(worker_db: Database) -> None:
    """
    Its sequence went on from its dot, so the third step waits from the second; no promise is broken.

    The owner was frozen between dot and reply, for longer than its lease.
    """
    steps = (*SAME_DAY, (3, "One last thing", "Farewell"))
    delivery = await make_delivery(worker_db, steps=steps)
    first = await delivery.add()
    owner = (await delivery.enrollment_of(first)).id
    second, third = [
        await delivery.add(owner, position=position, send_at=NOW + days * DAY, mailbox_id=delivery.mailbox_id)
        for position, days in ((2, 1), (3, 4))
    ]
    attempt = await delivery.committed(first)
    await delivery.expire(first)
    async with delivery.db.transaction() as conn:
        assert (await rescue(conn, now=NOW + MINUTE)).in_doubt == (first,)
    await delivery.sent(second, now=NOW + DAY)

    accepted = await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250), now=NOW + 2 * DAY)

    enrollment = await delivery.enrollment_of(first)
    assert accepted == {first}
    assert (await delivery.email(first)).sent_at == NOW
    assert (enrollment.next_position, enrollment.current_step) == (3, 2)
    assert enrollment.last_window_day == TODAY + DAY
    assert await delivery.statuses(first, second, third) == ["SENT", "SENT", "PENDING"]
    async with delivery.db.transaction() as conn:
        assert {each.name for each in PROMISES if (await breach_of(conn, each)).count} == set()


async def test_a_cancel_during_the_dot_takes_only_what_follows(worker_db: Database) -> None:
    """The email may have arrived: its 250 counts, at the same moment or after; the follow-up is cancelled."""
    delivery = await make_busy_delivery(worker_db)
    for _ in range(ROUNDS):
        first, second = await both_due(delivery)
        attempt = await delivery.committed(first)

        async def cancelling(attempt: Attempt) -> None:
            async with delivery.db.transaction() as conn:
                await unsubscribe(
                    conn, workspace_id=delivery.workspace_id, contact_id=attempt.contact_id, now=NOW
                )

        result = Result(attempt, EmailEvent.ACCEPT, "accepted", 250)
        _, accepted = await asyncio.gather(cancelling(attempt), delivery.end(result))

        assert accepted == {first}
        assert await delivery.statuses(first, second) == ["SENT", "CANCELLED"]
        assert (await delivery.enrollment_of(first)).status == "UNSUBSCRIBED"
