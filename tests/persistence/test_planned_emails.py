"""Writing a plan: only what changes, each move with its cause, and nothing that has left PENDING."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from domain.ids import EmailId, EnrollmentId, MailboxId, StepId
from domain.itineraries import Itinerary, Leg, MoveCause, PlannedEmail, Slot, UnplacedReason
from domain.lifecycle import EmailEvent
from domain.plan import Plan, Shift
from domain.waits import Wait
from persistence.open_enrollments import unplanned
from persistence.planned_emails import Move, Written, write_plan
from persistence.replanning import replan
from persistence.results import Result
from persistence.tables import email_moves, enrollments, scheduled_emails, steps
from tests.persistence.delivery import NOW, TODAY, Delivery, at
from tests.support.world import make_enrollment

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def slot_of(delivery: Delivery, send_at: datetime, mailbox_id: MailboxId | None = None) -> Slot:
    return Slot(mailbox_id or delivery.mailbox_id, send_at, send_at.date(), send_at.date())


async def enroll(delivery: Delivery) -> EnrollmentId:
    async with delivery.db.transaction() as conn:
        return await make_enrollment(conn, delivery.workspace_id, delivery.sequence_id)


async def leg_of(delivery: Delivery, email_id: EmailId | None = None, *, position: int = 1) -> Leg:
    """The leg of a step as planning was told of it, with the slot of *email_id*."""
    async with delivery.db.transaction() as conn:
        step_id = (await conn.scalars(select(steps.c.id).where(steps.c.position == position))).one()
    held = None
    if email_id is not None:
        email = await delivery.email(email_id)
        held = (
            Slot(MailboxId(email.mailbox_id), email.send_at, email.window_day, email.send_day)
            if email.send_at
            else None
        )
    return Leg(StepId(step_id), position, Wait(0), email_id, held)


async def write(
    delivery: Delivery,
    enrollment_id: EnrollmentId,
    *emails: PlannedEmail,
    shifts: tuple[Shift, ...] = (),
    now: datetime = NOW,
) -> Written:
    itinerary = Itinerary(enrollment_id, delivery.mailbox_id, emails)
    async with delivery.db.transaction() as conn:
        return await write_plan(conn, delivery.workspace_id, Plan((itinerary,), shifts), now=now)


async def moves(delivery: Delivery) -> list[tuple[Any, ...]]:
    """Email, times, mailboxes and cause of every move."""
    columns = email_moves.c
    async with delivery.db.transaction() as conn:
        rows = await conn.execute(
            select(
                columns.email_id,
                columns.from_send_at,
                columns.to_send_at,
                columns.from_mailbox_id,
                columns.to_mailbox_id,
                columns.cause,
            ).order_by(columns.id)
        )
        return [tuple(row) for row in rows]


async def owner_of(delivery: Delivery, email_id: EmailId) -> EnrollmentId:
    return EnrollmentId((await delivery.email(email_id)).enrollment_id)


async def test_new_emails_are_written_with_their_slots_or_reasons(delivery: Delivery) -> None:
    """The enrollment is bound, planned, and knows its next time."""
    enrollment_id = await enroll(delivery)

    written = await write(
        delivery,
        enrollment_id,
        PlannedEmail(await leg_of(delivery), slot_of(delivery, NOW + HOUR)),
        PlannedEmail(await leg_of(delivery, position=2), None, UnplacedReason.AFTER_LAST_DATE),
    )

    async with delivery.db.transaction() as conn:
        columns = scheduled_emails.c
        first, second = (await conn.execute(scheduled_emails.select().order_by(columns.id))).all()
        enrollment = (await conn.execute(enrollments.select())).one()
    assert (first.status, first.send_at, first.mailbox_id) == ("PENDING", NOW + HOUR, delivery.mailbox_id)
    assert (first.window_day, first.send_day, first.unplaced_reason) == (TODAY, TODAY, None)
    assert (second.send_at, second.unplaced_reason, second.window_day) == (None, "AFTER_LAST_DATE", None)
    assert (first.contact_id, first.sequence_id) == (enrollment.contact_id, delivery.sequence_id)
    assert (enrollment.mailbox_id, enrollment.next_send_at) == (delivery.mailbox_id, NOW + HOUR)
    assert enrollment.planned_at == NOW
    assert written == Written(placed=1, infeasible=1)
    assert await moves(delivery) == []


async def test_a_slot_that_is_kept_is_not_written(delivery: Delivery) -> None:
    """Planning again without a change changes nothing."""
    (due,) = await delivery.due()
    before = await delivery.email(due)

    written = await write(
        delivery, before.enrollment_id, PlannedEmail(await leg_of(delivery, due), slot_of(delivery, NOW))
    )

    assert (written, await delivery.email(due)) == (Written(unchanged=1), before)


async def test_a_move_is_recorded_with_its_cause(delivery: Delivery) -> None:
    """To another mailbox and day; what the gate had noted of it is over."""
    other = await delivery.mailbox()
    (due,) = await delivery.due(released_because="DAY_FULL")

    written = await write(
        delivery,
        await owner_of(delivery, due),
        PlannedEmail(
            await leg_of(delivery, due),
            slot_of(delivery, NOW + DAY, other),
            moved_because=MoveCause.MAILBOX_HANDED_OVER,
        ),
    )

    email = await delivery.email(due)
    assert (email.send_at, email.mailbox_id, email.released_because) == (NOW + DAY, other, None)
    assert (email.window_day, email.send_day) == (TODAY + DAY, TODAY + DAY)
    assert await moves(delivery) == [(due, NOW, NOW + DAY, delivery.mailbox_id, other, "MAILBOX_HANDED_OVER")]
    move = Move(due, NOW + DAY, MoveCause.MAILBOX_HANDED_OVER)
    assert written == Written(moves=[move], delays=[DAY])


async def test_an_enrollment_knows_when_its_plan_was_changed_last(delivery: Delivery) -> None:
    """Beside the instant since when it has a plan; a plan that changes nothing is none."""
    (due,) = await delivery.due()
    owner = await owner_of(delivery, due)

    for now, send_at in ((NOW + MINUTE, NOW + HOUR), (NOW + HOUR, NOW + HOUR)):
        moved = PlannedEmail(
            await leg_of(delivery, due), slot_of(delivery, send_at), moved_because=MoveCause.SPACING
        )
        await write(delivery, owner, moved, now=now)

    enrollment = await delivery.enrollment_of(due)
    assert (enrollment.planned_at, enrollment.replanned_at) == (NOW, NOW + MINUTE)


async def test_a_slot_is_lost_and_found_again(delivery: Delivery) -> None:
    """Without one there is a reason; placed again is no move, because it had no time."""
    (due,) = await delivery.due()
    owner = await owner_of(delivery, due)

    lost = await write(
        delivery,
        owner,
        PlannedEmail(
            await leg_of(delivery, due),
            None,
            UnplacedReason.MAILBOX_UNAVAILABLE,
            MoveCause.MAILBOX_UNAVAILABLE,
        ),
    )
    email = await delivery.email(due)
    found = await write(
        delivery, owner, PlannedEmail(await leg_of(delivery, due), slot_of(delivery, NOW + HOUR))
    )

    assert (email.send_at, email.window_day, email.send_day) == (None, None, None)
    assert (email.unplaced_reason, email.mailbox_id) == ("MAILBOX_UNAVAILABLE", delivery.mailbox_id)
    email = await delivery.email(due)
    assert (email.send_at, email.unplaced_reason, email.window_day) == (NOW + HOUR, None, TODAY)
    move = Move(due, None, MoveCause.MAILBOX_UNAVAILABLE)
    assert (lost, found) == (Written(moves=[move], infeasible=1), Written(placed=1))
    assert len(await moves(delivery)) == 1


@pytest.mark.parametrize("status", ["QUEUED", "SENDING", "COMMITTING", "SENT", "RETRYING", "CANCELLED"])
async def test_what_was_taken_up_meanwhile_is_not_moved(delivery: Delivery, status: str) -> None:
    """The plan was made from what it was before."""
    (due,) = await delivery.due()
    leg = await leg_of(delivery, due)
    await delivery.change(scheduled_emails, due, status=status)
    before = await delivery.email(due)

    await write(
        delivery,
        before.enrollment_id,
        PlannedEmail(leg, slot_of(delivery, NOW + DAY), moved_because=MoveCause.LATE),
        shifts=(Shift(due, delivery.mailbox_id, NOW + HOUR),),
    )

    assert (await delivery.email(due), await moves(delivery)) == (before, [])


async def test_whose_email_was_taken_up_meanwhile_stays_in_its_mailbox(delivery: Delivery) -> None:
    """Planned to leave another one: the planner gives it the follow-ups, and none is claimed before."""
    other, later = await delivery.mailbox(), NOW + 3 * DAY
    first = await delivery.add()
    owner = await owner_of(delivery, first)
    follow_up = await delivery.add(owner, position=2, send_at=later)
    legs = await leg_of(delivery, first), await leg_of(delivery, follow_up, position=2)
    attempt = await delivery.begun(first)

    async with delivery.db.transaction() as conn:
        emails = [
            PlannedEmail(leg, slot_of(delivery, later, other), moved_because=MoveCause.EARLIER)
            for leg in legs
        ]
        plan = Plan((Itinerary(owner, other, tuple(emails)),))
        await write_plan(conn, delivery.workspace_id, plan, now=NOW)
    await delivery.commit(attempt)
    await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250))

    enrollment = await delivery.enrollment_of(follow_up)
    assert (enrollment.mailbox_id, enrollment.planned_at) == (delivery.mailbox_id, None)
    assert (await delivery.email(follow_up)).mailbox_id == other
    assert await delivery.claimed(now=later) == []
    async with delivery.db.transaction() as conn:
        assert await unplanned(conn, delivery.workspace_id, limit=5) == [owner]
        await replan(conn, delivery.workspace_id, [owner], now=NOW)
    moved = await delivery.email(follow_up)
    assert moved.mailbox_id == delivery.mailbox_id
    assert await delivery.claimed(now=moved.send_at) == [follow_up]


async def test_a_shift_changes_the_instant_alone(delivery: Delivery) -> None:
    """An email of somebody else makes place inside its own day and window."""
    other = await delivery.add(send_at=NOW + HOUR, window_day=TODAY - DAY)
    enrollment_id = await enroll(delivery)

    await write(delivery, enrollment_id, shifts=(Shift(other, delivery.mailbox_id, NOW + 2 * HOUR),))

    email = await delivery.email(other)
    assert (email.send_at, email.window_day, email.send_day) == (NOW + 2 * HOUR, TODAY - DAY, TODAY)
    mailbox_id = delivery.mailbox_id
    assert await moves(delivery) == [
        (other, NOW + HOUR, NOW + 2 * HOUR, mailbox_id, mailbox_id, "NARROWER_WINDOW")
    ]


@pytest.mark.parametrize(("send_at", "reason"), [(None, None), (at(9), "NO_CAPACITY")])
async def test_nothing_is_pending_with_neither_or_both_of_slot_and_reason(
    delivery: Delivery, send_at: datetime | None, reason: str | None
) -> None:
    """The database refuses it, whoever would write it; by a name that says what it is about."""
    with pytest.raises(IntegrityError, match="scheduled_emails_pending_has_slot_or_reason_check"):
        await delivery.add(send_at=send_at, unplaced_reason=reason)


async def test_an_enrollment_without_any_step_left_is_planned(delivery: Delivery) -> None:
    """It waits for the planner no more, and has no next time."""
    enrollment_id = await enroll(delivery)

    assert await write(delivery, enrollment_id) == Written()

    async with delivery.db.transaction() as conn:
        enrollment = (await conn.execute(enrollments.select())).one()
    assert (enrollment.planned_at, enrollment.next_send_at) == (NOW, None)


async def test_the_first_email_of_a_course_is_known_as_such(delivery: Delivery) -> None:
    """It is claimed after follow-ups; a later step is none, nor is what comes after an email that left."""
    fresh, begun = await enroll(delivery), await enroll(delivery)
    await delivery.change(enrollments, begun, last_window_day=TODAY, next_position=2)
    first, second = await leg_of(delivery), await leg_of(delivery, position=2)

    await write(
        delivery,
        fresh,
        PlannedEmail(first, slot_of(delivery, NOW)),
        PlannedEmail(second, slot_of(delivery, NOW + DAY)),
    )
    await write(delivery, begun, PlannedEmail(second, slot_of(delivery, NOW + DAY)))

    async with delivery.db.transaction() as conn:
        written = await conn.execute(
            select(scheduled_emails.c.step_id, scheduled_emails.c.enrollment_id).where(
                scheduled_emails.c.is_first_touch
            )
        )
        assert [tuple(row) for row in written] == [(first.step_id, fresh)]
