"""Waits in minutes and working days, from the email that left to the claim of the next one."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from domain.ids import EmailId, EnrollmentId
from domain.lifecycle import SequenceEvent
from domain.waits import Wait, WaitUnit
from persistence.attempts import Held, Ticket
from persistence.database import Database
from persistence.enrollment_moves import pause_enrollment, resume_enrollment
from persistence.next_positions import refresh_next_positions
from persistence.open_enrollments import enrollments_for_planning
from persistence.planning_terms import planning_terms
from persistence.sequences import move_sequence
from persistence.steps import change_step
from persistence.stored_waits import stored_wait
from persistence.tables import mailboxes, scheduled_emails, sequences, steps
from tests.persistence.delivery import NOW, TODAY, Delivery, at

TUESDAY = date(2026, 3, 3)


async def make_second_wait(delivery: Delivery, wait: Wait) -> None:
    async with delivery.db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        second = (steps.c.sequence_id == delivery.sequence_id, steps.c.position == 2)
        await conn.execute(update(steps).where(*second).values(stored_wait(wait)))


async def two_emails(delivery: Delivery, **second: Any) -> tuple[Any, Any]:
    (first,) = await delivery.due()
    owner = (await delivery.email(first)).enrollment_id
    return first, await delivery.add(owner, position=2, **second)


async def test_minutes_count_from_when_the_email_really_left(delivery: Delivery) -> None:
    """Sent at 09:02: 90 minutes later is 10:32, and the planner looks at what is planned at 10:31."""
    await make_second_wait(delivery, Wait(90, WaitUnit.MINUTES))
    first, second = await two_emails(delivery, send_at=at(10, 31))

    await delivery.sent(first, now=at(9, 2))

    enrollment = await delivery.enrollment_of(first)
    assert (enrollment.next_not_before, enrollment.planned_at) == (at(10, 32), None)
    assert await delivery.claimed(now=at(10, 31)) == []
    assert await delivery.claimed(now=at(10, 32)) == [second]


async def test_what_leaves_room_for_the_minutes_is_not_planned_anew(delivery: Delivery) -> None:
    """It is planned at 10:40."""
    await make_second_wait(delivery, Wait(90, WaitUnit.MINUTES))
    first, _ = await two_emails(delivery, send_at=at(10, 40))

    await delivery.sent(first, now=at(9, 2))

    assert (await delivery.enrollment_of(first)).planned_at == NOW


async def test_planning_knows_when_the_last_email_left(delivery: Delivery) -> None:
    """The first one has left, or is still under way and planned."""
    await make_second_wait(delivery, Wait(90, WaitUnit.MINUTES))
    first, _ = await two_emails(delivery, send_at=at(10, 40))
    waiting = await delivery.add(status="RETRYING", retry_at=at(9, 20))
    await delivery.sent(first, now=at(9, 2))

    async with delivery.db.transaction() as conn:
        terms = await planning_terms(conn, delivery.workspace_id)
        ids = [(await delivery.enrollment_of(each)).id for each in (first, waiting)]
        found = {
            each.id: each
            for each in await enrollments_for_planning(conn, delivery.workspace_id, ids, terms=terms)
        }

    assert [found[each].left_at for each in ids] == [at(9, 2), at(9, 20)]
    assert [leg.wait for leg in found[ids[0]].legs] == [Wait(90, WaitUnit.MINUTES)]
    assert not terms.sequences[delivery.sequence_id].shifts


async def hold_enrollment(delivery: Delivery, email_id: EmailId) -> None:
    owner = EnrollmentId((await delivery.enrollment_of(email_id)).id)
    async with delivery.db.transaction() as conn:
        await pause_enrollment(conn, delivery.workspace_id, owner, now=at(9, 32))
        await resume_enrollment(conn, delivery.workspace_id, owner, now=at(11, 32))


async def hold_sequence(delivery: Delivery, _: EmailId) -> None:
    async with delivery.db.transaction() as conn:
        for event, now in ((SequenceEvent.PAUSE, at(9, 32)), (SequenceEvent.RESUME, at(11, 32))):
            await move_sequence(conn, delivery.workspace_id, delivery.sequence_id, event=event, now=now)


@pytest.mark.parametrize("hold", [hold_enrollment, hold_sequence])
async def test_minutes_on_hold_do_not_count(
    delivery: Delivery, hold: Callable[[Delivery, EmailId], Awaitable[None]]
) -> None:
    """An hour of 90 minutes is left when two hours on hold begin: the email leaves an hour after them."""
    await make_second_wait(delivery, Wait(90, WaitUnit.MINUTES))
    first, second = await two_emails(delivery, send_at=at(10, 40))
    await delivery.sent(first, now=at(9, 2))

    await hold(delivery, first)

    async with delivery.db.transaction() as conn:
        terms = await planning_terms(conn, delivery.workspace_id)
        owner = (await delivery.enrollment_of(first)).id
        (found,) = await enrollments_for_planning(conn, delivery.workspace_id, [owner], terms=terms)
    assert found.earliest_instant(found.legs[0]) == at(12, 32)
    # Nor does it leave sooner if it is planned sooner.
    await delivery.change(scheduled_emails, second, send_at=at(12, 30))
    assert await delivery.claimed(now=at(12, 31)) == []
    assert await delivery.claimed(now=at(12, 32)) == [second]


async def test_another_wait_is_counted_anew_in_both_directions(delivery: Delivery, api_db: Database) -> None:
    """From 90 minutes to 30, to 200, to two days."""
    await make_second_wait(delivery, Wait(90, WaitUnit.MINUTES))
    first, second = await two_emails(delivery, send_at=at(10, 40))
    await delivery.sent(first, now=at(9, 2))
    second_step = (await delivery.email(second)).step_id
    found = []
    for wait in (Wait(30, WaitUnit.MINUTES), Wait(200, WaitUnit.MINUTES), Wait(2)):
        async with api_db.transaction(delivery.workspace_id) as conn:
            await change_step(conn, delivery.workspace_id, second_step, changes=stored_wait(wait))
            await refresh_next_positions(conn, delivery.workspace_id, delivery.sequence_id)
        found.append((await delivery.enrollment_of(first)).next_not_before)

    assert found == [at(9, 32), at(12, 22), None]


@pytest.mark.parametrize(
    ("closed", "is_hurried"), [([], False), ([TUESDAY], True), ([date(2026, 3, 7)], False)]
)
async def test_working_days_count_from_the_day_on_which_it_left(
    delivery: Delivery, closed: list[date], is_hurried: bool
) -> None:
    """Two working days after Monday the 2nd is Wednesday, unless Tuesday is closed."""
    await make_second_wait(delivery, Wait(2, WaitUnit.WORKING_DAYS))
    await delivery.change(sequences, delivery.sequence_id, closed_dates=closed)
    first, second = await two_emails(delivery, send_at=at(9, day=4))

    await delivery.sent(first)

    enrollment = await delivery.enrollment_of(first)
    assert (enrollment.last_window_day, enrollment.planned_at is None) == (TODAY, is_hurried)
    assert await delivery.claimed(now=at(9, day=4)) == ([] if is_hurried else [second])


async def test_a_step_waits_in_one_unit(delivery: Delivery) -> None:
    """The database holds neither two nor none."""
    _, second = await two_emails(delivery)
    second_step = (await delivery.email(second)).step_id
    for columns in ({"wait_days": 1, "wait_minutes": 5}, {"wait_days": None, "wait_minutes": None}):
        with pytest.raises(IntegrityError, match="one_wait"):
            await delivery.change(steps, second_step, **columns)


async def test_the_gate_keeps_the_hours_of_a_mailbox_and_the_closed_days_of_a_sequence(
    delivery: Delivery,
) -> None:
    """Claimed in time, both changed before the attempt: they go back to the planner."""
    (closed,) = await delivery.due()
    await delivery.claim()
    await delivery.change(sequences, delivery.sequence_id, closed_dates=[TODAY])
    (held,) = (await delivery.begin(Ticket(closed, 1))).values()
    assert isinstance(held, Held)
    await delivery.change(sequences, delivery.sequence_id, closed_dates=[])
    (late,) = await delivery.due()
    await delivery.claim()
    evening = {"weekdays": [1, 2, 3, 4, 5], "intervals": [["18:00", "20:00"]]}
    await delivery.change(mailboxes, delivery.mailbox_id, working_hours=evening)
    await delivery.begin(Ticket(late, 1))

    assert [(await delivery.email(each)).released_because for each in (closed, late)] == [
        "OUTSIDE_WINDOW",
        "OUTSIDE_WORKING_HOURS",
    ]
    assert (await delivery.enrollment_of(late)).planned_at is None
