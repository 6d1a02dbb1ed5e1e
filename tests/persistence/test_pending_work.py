"""Pending work: the clock sets an actor off exactly when there is something for it to do."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.recalculations import RecalculationCause
from persistence.pending_work import PendingWork, find_work
from persistence.recalculation_requests import request_recalculation
from persistence.tables import enrollments, mailboxes, recalculations, scheduled_emails, sequences
from tests.persistence.delivery import MINUTE, NOW, Delivery, at

NOTHING = PendingWork((), (), has_due=False, has_expired=False, has_overdue_retries=False)


async def found(delivery: Delivery) -> PendingWork:
    async with delivery.db.transaction() as conn:
        return await find_work(conn, now=NOW, grace=2 * MINUTE)


async def test_without_anything_to_do_nobody_is_set_off(delivery: Delivery) -> None:
    """What is to come, on its way or over is no work."""
    await delivery.add(send_at=NOW + MINUTE)
    await delivery.add(status="SENT")
    await delivery.add(status="RETRYING", retry_at=NOW - MINUTE)
    await delivery.begun((await delivery.due())[0])

    assert await found(delivery) == NOTHING


async def test_who_is_not_planned_is_for_the_planner(delivery: Delivery) -> None:
    """As long as they are active."""
    (due,) = await delivery.due(send_at=at(12))
    await delivery.change(enrollments, (await delivery.email(due)).enrollment_id, planned_at=None)

    assert await found(delivery) == PendingWork((delivery.workspace_id,), (), False, False, False)

    await delivery.change(enrollments, (await delivery.email(due)).enrollment_id, status="PAUSED")
    assert await found(delivery) == NOTHING


async def test_what_is_late_is_for_the_planner_not_for_the_dispatcher(delivery: Delivery) -> None:
    """From ten minutes on."""
    (due,) = await delivery.due(send_at=NOW - timedelta(minutes=10))
    late = await found(delivery)

    await delivery.change(scheduled_emails, due, send_at=NOW - timedelta(minutes=9, seconds=59))

    assert late == PendingWork((delivery.workspace_id,), (), False, False, False)
    assert await found(delivery) == PendingWork((), (), True, False, False)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (mailboxes, {"status": "PAUSED"}),
        (sequences, {"status": "PAUSED"}),
        (enrollments, {"status": "PAUSED"}),
    ],
)
async def test_what_is_late_because_it_is_held_waits(
    delivery: Delivery, table: Any, values: dict[str, str]
) -> None:
    """Until it is let go; the planner could do nothing for it."""
    (due,) = await delivery.due(send_at=NOW - timedelta(hours=1))
    email = await delivery.email(due)
    row_of = {mailboxes: email.mailbox_id, sequences: email.sequence_id, enrollments: email.enrollment_id}
    await delivery.change(table, row_of[table], **values)

    assert await found(delivery) == NOTHING


@pytest.mark.parametrize("values", [{"status": "NEEDS_AUTH"}, {"next_allowed_at": NOW + MINUTE}])
async def test_what_is_due_waits_for_its_mailbox(delivery: Delivery, values: dict[str, Any]) -> None:
    """It is no work for the dispatcher before the mailbox may send."""
    await delivery.due()

    assert await found(delivery) == PendingWork((), (), True, False, False)
    await delivery.change(mailboxes, delivery.mailbox_id, **values)
    assert await found(delivery) == NOTHING


async def test_what_is_left_behind_is_for_the_rescue(delivery: Delivery) -> None:
    """Leases that ran out by the database's clock, and retries whose message did not come."""
    await delivery.add(status="COMMITTING", lease_until=at(0, day=1))
    assert await found(delivery) == PendingWork((), (), False, True, False)

    await delivery.add(status="RETRYING", retry_at=NOW - 2 * MINUTE)
    assert await found(delivery) == PendingWork((), (), False, True, True)


@pytest.mark.parametrize(("status", "is_open"), [("PENDING", True), ("RUNNING", True), ("COMPLETED", False)])
async def test_open_requests_are_for_the_recalculator(delivery: Delivery, status: str, is_open: bool) -> None:
    """Also one that was begun and never finished; but none that others may still follow within a second."""
    async with delivery.db.transaction() as conn:
        cause = RecalculationCause.REBALANCE
        await request_recalculation(conn, delivery.workspace_id, cause=cause, requested_by="test", now=NOW)
        request_id = (await conn.scalars(select(recalculations.c.id))).one()
    just_now = await found(delivery)
    await delivery.change(recalculations, request_id, status=status, created_at=at(0, day=1))

    assert just_now == NOTHING
    expected = (delivery.workspace_id,) if is_open else ()
    assert await found(delivery) == PendingWork((), expected, False, False, False)
