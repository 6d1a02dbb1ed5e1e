"""Races of senders with those who stop, rescue and plan: each comes wholly before or wholly after."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, text

from domain.ids import ContactId, EmailId, EnrollmentId
from domain.lifecycle import EmailEvent, SequenceEvent
from persistence.attempts import Attempt
from persistence.commits import Committing, mark_committing
from persistence.contacts import lock_contact
from persistence.database import Database
from persistence.forgetting import forget_contact
from persistence.open_enrollments import reopen_late, unplanned
from persistence.rescue import rescue
from persistence.results import Result, end_attempts
from persistence.schedule_runs import begin_nightly
from persistence.sequences import move_sequence
from persistence.suppressions import unsubscribe
from persistence.tables import mailboxes, scheduled_emails
from tests.persistence.delivery import LEASE, MINUTE, NOW, Delivery, letter_of, make_delivery
from tests.support.pseudonyms import PSEUDONYMS
from tests.support.world import make_email, make_enrollment, make_sequence

ROUNDS = 8


async def stop(conn: Any, delivery: Delivery, attempt: Attempt, by: str) -> None:
    """Stop *attempt* in the open transaction *conn*."""
    if by == "contact":
        contact_id = ContactId(attempt.contact_id)
        await unsubscribe(conn, workspace_id=delivery.workspace_id, contact_id=contact_id, now=NOW)
    elif by == "deletion":
        # As the API may, in whose tests it is done by a role of its own.
        await conn.execute(text("SET LOCAL ROLE none"))
        contact = await lock_contact(conn, delivery.workspace_id, ContactId(attempt.contact_id))
        await forget_contact(
            conn, delivery.workspace_id, contact, pseudonyms=PSEUDONYMS, suppress=True, now=NOW
        )
    elif by == "sequence":
        ids = (delivery.workspace_id, delivery.sequence_id)
        await move_sequence(conn, *ids, event=SequenceEvent.PAUSE, now=NOW)
    else:
        paused = mailboxes.update().where(mailboxes.c.id == delivery.mailbox_id)
        await conn.execute(paused.values(status="PAUSED"))


async def keep_open(delivery: Delivery) -> None:
    """Someone who is on the way all the time, so that the sequence is not complete between two rounds."""
    await delivery.add(send_at=NOW + 60 * MINUTE)


async def is_waiting(task: "asyncio.Task[Any]") -> bool:
    await asyncio.wait({task}, timeout=0.15)
    return not task.done()


@pytest.mark.parametrize("by", ["contact", "deletion", "sequence", "mailbox"])
async def test_a_stop_that_comes_first_is_waited_for_and_obeyed(delivery: Delivery, by: str) -> None:
    """The point of no return is not passed once the stop has committed."""
    attempt = await delivery.begun((await delivery.due())[0])

    async with delivery.db.transaction() as conn:
        await stop(conn, delivery, attempt, by)
        committing = asyncio.create_task(delivery.commit(attempt))
        waited = await is_waiting(committing)

    assert (waited, await committing) == (True, frozenset())
    is_cancelled = by in ("contact", "deletion")
    assert await delivery.statuses(attempt.email_id) == ["CANCELLED" if is_cancelled else "SENDING"]


@pytest.mark.parametrize("by", ["contact", "deletion", "sequence", "mailbox"])
async def test_a_stop_that_comes_second_waits_and_finds_it_committed(delivery: Delivery, by: str) -> None:
    """That email may still arrive; nothing else of the enrollment will."""
    attempt = await delivery.begun((await delivery.due())[0])

    async def stopping() -> None:
        async with delivery.db.transaction() as conn:
            await stop(conn, delivery, attempt, by)

    async with delivery.db.transaction() as conn:
        group = [Committing(attempt, letter_of(attempt))]
        committed = await mark_committing(conn, group, now=NOW, lease=LEASE)
        late = asyncio.create_task(stopping())
        waited = await is_waiting(late)
    await late

    assert committed == {attempt.email_id}
    assert waited
    assert await delivery.statuses(attempt.email_id) == ["COMMITTING"]
    assert await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250)) == {attempt.email_id}


async def test_stops_and_commits_at_once_leave_nothing_in_between(delivery: Delivery) -> None:
    """Committed or cancelled, never both, and never a deadlock."""
    await keep_open(delivery)
    for _ in range(ROUNDS):
        attempts = [await delivery.begun(email_id) for email_id in await delivery.due(2)]

        async def stopping(attempt: Attempt) -> None:
            async with delivery.db.transaction() as conn:
                await stop(conn, delivery, attempt, "contact")

        stops = [asyncio.create_task(stopping(attempt)) for attempt in attempts]
        committed = await delivery.commit(*attempts)
        await asyncio.gather(*stops)

        for attempt in attempts:
            was_committed = attempt.email_id in committed
            (status,) = await delivery.statuses(attempt.email_id)
            assert status == ("COMMITTING" if was_committed else "CANCELLED")
        ends = [Result(attempt, EmailEvent.FAIL, "rejected", 554) for attempt in attempts]
        assert await delivery.end(*ends) == committed


async def test_a_result_and_the_rescue_do_not_both_count(delivery: Delivery) -> None:
    """The lease runs out while the 250 is written: sent, whichever comes first."""
    for sent in range(1, ROUNDS + 1):
        attempt = await delivery.committed((await delivery.due())[0])
        await delivery.expire(attempt.email_id)

        async def rescuing() -> None:
            async with delivery.db.transaction() as conn:
                await rescue(conn, now=NOW)

        await asyncio.gather(delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250)), rescuing())

        assert await delivery.statuses(attempt.email_id) == ["SENT"]
        assert await delivery.day() == (30, sent, sent, 0)


async def test_bounces_of_contacts_in_each_others_groups_do_not_deadlock(worker_db: Database) -> None:
    """Two groups of results, each of which also ends an enrollment that the other one is about."""
    delivery = await make_delivery(worker_db)
    await keep_open(delivery)
    for _ in range(ROUNDS):
        bounced = [await delivery.begun(email_id) for email_id in await delivery.due(2)]
        await delivery.commit(*bounced)
        elsewhere = [await _also_sending(delivery, attempt) for attempt in bounced]

        async def end(bounce: Attempt, other: Attempt) -> frozenset[EmailId]:
            results = [
                Result(bounce, EmailEvent.FAIL, "unknown", 550, bounces=True),
                Result(other, EmailEvent.RETRY, "greylisted", 451, retry_at=NOW + 5 * MINUTE),
            ]
            async with worker_db.transaction() as conn:
                return await end_attempts(conn, results, now=NOW)

        await asyncio.gather(end(bounced[0], elsewhere[1]), end(bounced[1], elsewhere[0]))

        ids = [attempt.email_id for attempt in elsewhere]
        assert await delivery.statuses(*ids) == ["CANCELLED", "CANCELLED"]
        assert await delivery.statuses(*(attempt.email_id for attempt in bounced)) == ["FAILED", "FAILED"]
    assert await delivery.day() == (30, 0, 0, 2 * ROUNDS)


async def _also_sending(delivery: Delivery, attempt: Attempt) -> Attempt:
    """An attempt at another email of the same contact, in another sequence and from another mailbox."""
    mailbox_id = await delivery.mailbox()
    async with delivery.db.transaction() as conn:
        sequence_id = await make_sequence(conn, delivery.workspace_id)
        ids = (delivery.workspace_id, sequence_id, attempt.contact_id)
        enrollment_id = await make_enrollment(conn, *ids, mailbox_id=mailbox_id)
        email_id = await make_email(conn, enrollment_id)
    return await delivery.begun(email_id)


async def test_the_planner_waits_for_no_sender(delivery: Delivery) -> None:
    """It holds some enrollments and skips those whose results are being written: no deadlock."""
    late, busy = [await delivery.add(send_at=NOW - 20 * MINUTE) for _ in range(2)]
    owners = [EnrollmentId((await delivery.email(each)).enrollment_id) for each in (late, busy)]

    async with delivery.db.transaction() as sender, delivery.db.transaction() as planner:
        await sender.execute(
            select(scheduled_emails.c.id).where(scheduled_emails.c.id == busy).with_for_update()
        )
        hold = text("SELECT id FROM enrollments WHERE id = :id FOR NO KEY UPDATE")
        await sender.execute(hold, {"id": owners[1]})
        await planner.execute(text("SET LOCAL lock_timeout = '2s'"))
        reopened = await reopen_late(planner, delivery.workspace_id, late_since=NOW - 10 * MINUTE)
        waiting = await unplanned(planner, delivery.workspace_id, limit=10)

    assert (reopened, waiting) == (1, [owners[0]])


async def test_two_clocks_do_not_both_begin_the_nightly_run(delivery: Delivery) -> None:
    """The second waits for the first, and finds it done."""

    async def beginning() -> list[Any]:
        async with delivery.db.transaction() as conn:
            return list(await begin_nightly(conn, now=NOW))

    async with delivery.db.transaction() as conn:
        first = await begin_nightly(conn, now=NOW)
        second = asyncio.create_task(beginning())
        waited = await is_waiting(second)

    assert (first, waited, await second) == ([delivery.workspace_id], True, [])
