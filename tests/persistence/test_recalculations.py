"""Recalculations: taken up in turn, finished with their figures, and what they cancel."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.ids import EmailId, EnrollmentId, MailboxId, RecalculationId
from domain.itineraries import MoveCause
from domain.recalculations import RecalculationCause
from persistence.ids import uuid7
from persistence.planned_emails import Move, Written
from persistence.recalculation_requests import request_recalculation
from persistence.recalculations import (
    Recalculation,
    begin_recalculation,
    cancel_by_policy,
    cancel_left_out,
    fail_recalculation,
    finish_recalculation,
)
from persistence.tables import (
    enrollments,
    mailboxes,
    recalculations,
    sequences,
    steps,
)
from tests.persistence.delivery import MINUTE, NOW, Delivery

DAY = timedelta(days=1)
REBALANCE = RecalculationCause.REBALANCE
CAPACITY = RecalculationCause.CAPACITY_CHANGED


async def request(
    delivery: Delivery, cause: RecalculationCause, mailbox_id: MailboxId | None = None
) -> RecalculationId:
    async with delivery.db.transaction() as conn:
        return await request_recalculation(
            conn, delivery.workspace_id, cause=cause, mailbox_id=mailbox_id, requested_by="test", now=NOW
        )


async def begin(delivery: Delivery) -> Recalculation | None:
    async with delivery.db.transaction() as conn:
        return await begin_recalculation(conn, delivery.workspace_id, now=NOW)


async def row_of(delivery: Delivery, recalculation_id: RecalculationId) -> Any:
    async with delivery.db.transaction() as conn:
        return (
            await conn.execute(select(recalculations).where(recalculations.c.id == recalculation_id))
        ).one()


async def test_the_oldest_request_is_taken_up(delivery: Delivery) -> None:
    """One that was begun and never finished comes again before the next one."""
    first = await request(delivery, CAPACITY, delivery.mailbox_id)
    second = await request(delivery, REBALANCE)
    expected = Recalculation(first, CAPACITY, None, delivery.mailbox_id)

    assert [await begin(delivery), await begin(delivery)] == [expected, expected]
    row = await row_of(delivery, first)
    assert (row.status, row.started_at) == ("RUNNING", NOW)

    async with delivery.db.transaction() as conn:
        await finish_recalculation(conn, first, Written(), now=NOW)
    assert await begin(delivery) == Recalculation(second, REBALANCE, None, None)
    async with delivery.db.transaction() as conn:
        await fail_recalculation(conn, second, error="RuntimeError")
    assert await begin(delivery) is None


async def test_a_finished_one_says_what_it_changed(delivery: Delivery) -> None:
    """In emails; delays in seconds, of those that moved."""
    recalculation_id = await request(delivery, REBALANCE)
    await begin(delivery)
    move = Move(EmailId(uuid7()), NOW, MoveCause.LATE)
    written = Written(placed=1, moves=[move] * 3, unchanged=5, infeasible=2, cancelled=4)
    written.delays = [timedelta(hours=-1), timedelta(hours=1), timedelta(hours=4)]

    async with delivery.db.transaction() as conn:
        await finish_recalculation(conn, recalculation_id, written, now=NOW + MINUTE)

    row = await row_of(delivery, recalculation_id)
    assert (row.status, row.finished_at, row.total, row.done) == ("COMPLETED", NOW + MINUTE, 9, 9)
    assert (row.moved, row.unchanged, row.infeasible, row.cancelled) == (3, 5, 2, 4)
    assert (row.median_delay_s, row.max_delay_s) == (3600, 14400)


async def test_one_that_moved_nothing_has_no_delay(delivery: Delivery) -> None:
    """Rather than one of zero."""
    recalculation_id = await request(delivery, REBALANCE)

    async with delivery.db.transaction() as conn:
        await finish_recalculation(conn, recalculation_id, Written(unchanged=1), now=NOW)

    row = await row_of(delivery, recalculation_id)
    assert (row.moved, row.median_delay_s, row.max_delay_s) == (0, None, None)


async def test_a_failed_one_says_why_and_a_finished_one_stays_finished(delivery: Delivery) -> None:
    """Whoever comes too late changes nothing."""
    failed, finished = await request(delivery, REBALANCE), await request(delivery, CAPACITY)
    async with delivery.db.transaction() as conn:
        await finish_recalculation(conn, finished, Written(), now=NOW)
        for recalculation_id in (failed, finished):
            await fail_recalculation(conn, recalculation_id, error="RuntimeError")

    rows = [await row_of(delivery, each) for each in (failed, finished)]
    assert [(row.status, row.error) for row in rows] == [("FAILED", "RuntimeError"), ("COMPLETED", None)]


async def left_out(delivery: Delivery, *ids: EnrollmentId) -> int:
    async with delivery.db.transaction() as conn:
        return await cancel_left_out(conn, delivery.workspace_id, ids, now=NOW)


async def test_the_pending_emails_of_steps_that_are_never_sent_are_cancelled(delivery: Delivery) -> None:
    """Removed, or moved in front of what comes next; of those asked for, and only what is pending."""
    passed = await delivery.add(enrollment={"next_position": 2})
    owner = EnrollmentId((await delivery.email(passed)).enrollment_id)
    following = await delivery.add(owner, position=2, send_at=NOW + 2 * DAY)
    sending = await delivery.add(status="SENDING", enrollment={"next_position": 2})
    other = EnrollmentId((await delivery.email(sending)).enrollment_id)

    assert await left_out(delivery, other) == 0
    assert await left_out(delivery, owner, other) == 1
    assert await delivery.statuses(passed, following, sending) == ["CANCELLED", "PENDING", "SENDING"]
    assert await delivery.events(passed) == [("CANCEL", "LEFT_OUT")]

    async with delivery.db.transaction() as conn:
        await conn.execute(update(steps).where(steps.c.position == 2).values(position=None, removed_at=NOW))
    assert await left_out(delivery, owner) == 1
    assert await delivery.statuses(following) == ["CANCELLED"]


@pytest.mark.parametrize(
    ("status", "policy", "cancels"),
    [
        ("ACTIVE", {"when_mailbox_paused": "CANCEL", "when_mailbox_removed": "CANCEL"}, False),
        ("PAUSED", {"when_mailbox_paused": "CANCEL"}, True),
        ("BLOCKED", {"when_mailbox_paused": "CANCEL"}, True),
        ("NEEDS_AUTH", {"when_mailbox_paused": "CANCEL"}, True),
        ("PAUSED", {"when_mailbox_removed": "CANCEL"}, False),
        ("REMOVED", {"when_mailbox_removed": "CANCEL"}, True),
        ("REMOVED", {"when_mailbox_paused": "CANCEL"}, False),
        ("UNLINKED", {"when_mailbox_removed": "CANCEL"}, True),
        ("UNLINKED", {"when_mailbox_paused": "CANCEL"}, False),
    ],
)
async def test_a_sequence_may_cancel_what_its_mailbox_cannot_send(
    delivery: Delivery, status: str, policy: dict[str, str], cancels: bool
) -> None:
    """The enrollments bound to it end, with all that is pending of them; the sequence with the last one."""
    await delivery.change(sequences, delivery.sequence_id, **policy)
    first = await delivery.add()
    owner = EnrollmentId((await delivery.email(first)).enrollment_id)
    await delivery.add(owner, position=2, send_at=NOW + 2 * DAY)
    other = await delivery.mailbox()
    if status == "UNLINKED":
        await delivery.link_only(other)
    else:
        await delivery.change(mailboxes, delivery.mailbox_id, status=status)

    async with delivery.db.transaction() as conn:
        cancelled = await cancel_by_policy(conn, delivery.workspace_id, [owner], now=NOW)

    async with delivery.db.transaction() as conn:
        sequence_status = await conn.scalar(select(sequences.c.status))
        owner_status = await conn.scalar(select(enrollments.c.status))
    expected = (2, "CANCELLED", "COMPLETED") if cancels else (0, "ACTIVE", "ACTIVE")
    assert (cancelled, owner_status, sequence_status) == expected


async def test_only_those_who_are_held_are_cancelled(delivery: Delivery) -> None:
    """The others come with a request of their own."""
    await delivery.change(sequences, delivery.sequence_id, when_mailbox_paused="CANCEL")
    await delivery.change(mailboxes, delivery.mailbox_id, status="PAUSED")
    due = await delivery.due(2)
    held = EnrollmentId((await delivery.email(due[0])).enrollment_id)

    async with delivery.db.transaction() as conn:
        assert await cancel_by_policy(conn, delivery.workspace_id, [held], now=NOW) == 1

    assert await delivery.statuses(*due) == ["CANCELLED", "PENDING"]
