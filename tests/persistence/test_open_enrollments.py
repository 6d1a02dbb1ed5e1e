"""Enrollments that planning looks at: who they are, what was sent to them, and what remains."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.enrollments import Enrollment
from domain.ids import EnrollmentId, MailboxId, SequenceId
from domain.itineraries import MoveCause, Slot
from domain.rebalances import RebalanceScope
from persistence.open_enrollments import enrollments_for_planning, is_in_scope, reopen_late, unplanned
from persistence.planning_terms import planning_terms
from persistence.tables import enrollments, mailboxes, scheduled_emails, sequences
from tests.persistence.delivery import MINUTE, NOW, TODAY, Delivery
from tests.support.world import make_enrollment, make_sequence

DAY = timedelta(days=1)


async def waiting(delivery: Delivery, *, limit: int = 10) -> list[EnrollmentId]:
    async with delivery.db.transaction() as conn:
        return await unplanned(conn, delivery.workspace_id, limit=limit)


async def reopened(delivery: Delivery) -> int:
    async with delivery.db.transaction() as conn:
        return await reopen_late(conn, delivery.workspace_id, late_since=NOW - 10 * MINUTE)


async def scope(
    delivery: Delivery, *, sequence_id: SequenceId | None = None, mailbox_id: MailboxId | None = None
) -> list[EnrollmentId]:
    async with delivery.db.transaction() as conn:
        scope = RebalanceScope(sequence_id, () if mailbox_id is None else (mailbox_id,))
        chosen = select(enrollments.c.id).where(is_in_scope(scope)).order_by(enrollments.c.id)
        found = await conn.scalars(chosen)
        return [EnrollmentId(each) for each in found]


async def planned_as(
    delivery: Delivery, *, may_gain: bool = False, may_rebind: bool = False
) -> list[Enrollment]:
    async with delivery.db.transaction() as conn:
        terms = await planning_terms(conn, delivery.workspace_id)
        ids = [EnrollmentId(each) for each in await conn.scalars(select(enrollments.c.id))]
        return await enrollments_for_planning(
            conn,
            delivery.workspace_id,
            ids,
            terms=terms,
            may_gain=ids if may_gain else (),
            may_rebind=ids if may_rebind else (),
        )


async def enroll(delivery: Delivery, **overrides: Any) -> EnrollmentId:
    async with delivery.db.transaction() as conn:
        return await make_enrollment(conn, delivery.workspace_id, delivery.sequence_id, **overrides)


async def test_who_waits_for_the_planner_comes_in_the_order_of_enrolling(delivery: Delivery) -> None:
    """At most so many; those who are planned, paused or done do not wait."""
    second, first, third = [
        await enroll(delivery, enrolled_at=NOW + minutes * MINUTE) for minutes in (2, 1, 3)
    ]
    await enroll(delivery, planned_at=NOW)
    await enroll(delivery, status="PAUSED")
    await enroll(delivery, status="COMPLETED")

    assert await waiting(delivery) == [first, second, third]
    assert await waiting(delivery, limit=2) == [first, second]


async def test_whom_a_sender_holds_is_planned_in_another_turn(delivery: Delivery) -> None:
    """The planner waits for nobody while it holds others."""
    held, free = await enroll(delivery), await enroll(delivery)

    async with delivery.db.transaction() as conn:
        await conn.execute(select(enrollments.c.id).where(enrollments.c.id == held).with_for_update())
        assert await waiting(delivery) == [free]


@pytest.mark.parametrize(
    ("table", "values", "expected"),
    [
        (scheduled_emails, {}, 1),
        (scheduled_emails, {"send_at": NOW - timedelta(minutes=9, seconds=59)}, 0),
        (scheduled_emails, {"status": "RETRYING"}, 0),
        (mailboxes, {"status": "PAUSED"}, 0),
        (sequences, {"status": "PAUSED"}, 0),
        (enrollments, {"status": "PAUSED"}, 0),
    ],
)
async def test_what_was_left_behind_is_planned_again(
    delivery: Delivery, table: Any, values: dict[str, Any], expected: int
) -> None:
    """From ten minutes on, unless it is held; then it waits for that."""
    (late,) = await delivery.due(send_at=NOW - 10 * MINUTE)
    email = await delivery.email(late)
    row_of = {
        scheduled_emails: late,
        mailboxes: email.mailbox_id,
        sequences: email.sequence_id,
        enrollments: email.enrollment_id,
    }
    if values:
        await delivery.change(table, row_of[table], **values)

    assert await reopened(delivery) == expected
    assert await waiting(delivery) == [email.enrollment_id][:expected]


async def test_a_recalculation_is_about_a_sequence_a_mailbox_or_all(delivery: Delivery) -> None:
    """Of a mailbox: those bound to it, with an email in it, or planned and still without any."""
    other = await delivery.mailbox()
    bound = await enroll(delivery, mailbox_id=delivery.mailbox_id)
    with_email = (await delivery.email(await delivery.add(mailbox_id=other))).enrollment_id
    await delivery.add(with_email, position=2, mailbox_id=delivery.mailbox_id)
    without = await enroll(delivery, planned_at=NOW)
    unplanned_yet = await enroll(delivery)
    await enroll(delivery, mailbox_id=delivery.mailbox_id, status="COMPLETED")
    async with delivery.db.transaction() as conn:
        elsewhere = await make_sequence(conn, delivery.workspace_id)
        away = await make_enrollment(conn, delivery.workspace_id, elsewhere, mailbox_id=other)

    assert await scope(delivery) == sorted([bound, with_email, without, unplanned_yet, away])
    assert await scope(delivery, sequence_id=elsewhere) == [away]
    assert await scope(delivery, mailbox_id=delivery.mailbox_id) == sorted([bound, with_email, without])
    assert await scope(delivery, sequence_id=elsewhere, mailbox_id=delivery.mailbox_id) == []


async def test_who_is_new_has_all_steps_before_them(delivery: Delivery) -> None:
    """Not bound, not started: any mailbox, nothing held."""
    enrollment_id = await enroll(delivery)

    (enrollment,) = await planned_as(delivery)

    assert (enrollment.id, enrollment.enrolled_at, enrollment.mailbox_id) == (enrollment_id, NOW, None)
    assert [(leg.position, leg.wait.amount, leg.email_id, leg.held) for leg in enrollment.legs] == [
        (1, 0, None, None),
        (2, 2, None, None),
    ]
    assert (enrollment.last_window_day, enrollment.may_change_mailbox, enrollment.may_gain) == (
        None,
        False,
        False,
    )


async def test_what_was_sent_anchors_the_wait_of_what_remains(delivery: Delivery) -> None:
    """Step 1 left on Tuesday, whatever was planned; step 2 holds its slot, and no other mailbox is asked."""
    first = await delivery.add(status="SENT", window_day=TODAY + DAY, enrollment={"next_position": 2})
    owner = (await delivery.email(first)).enrollment_id
    second = await delivery.add(owner, position=2, send_at=NOW + 2 * DAY)

    (enrollment,) = await planned_as(delivery, may_gain=True, may_rebind=True)

    (leg,) = enrollment.legs
    slot = Slot(delivery.mailbox_id, NOW + 2 * DAY, TODAY + 2 * DAY, TODAY + 2 * DAY)
    assert (leg.position, leg.email_id, leg.held, leg.loses_slot) == (2, second, slot, None)
    assert (enrollment.last_window_day, enrollment.mailbox_id) == (TODAY + DAY, delivery.mailbox_id)
    assert (enrollment.may_change_mailbox, enrollment.may_gain) == (False, True)


async def test_who_has_not_started_may_be_bound_elsewhere(delivery: Delivery) -> None:
    """When a recalculation asks for it."""
    await delivery.due()

    (asked,) = await planned_as(delivery, may_rebind=True)
    (ordinary,) = await planned_as(delivery)

    assert (asked.may_change_mailbox, ordinary.may_change_mailbox) == (True, False)


async def test_what_the_gate_gave_back_loses_its_slot(delivery: Delivery) -> None:
    """Its follow-up keeps its own, as long as the wait allows."""
    first = await delivery.add(released_because="DAY_FULL")
    await delivery.add((await delivery.email(first)).enrollment_id, position=2, send_at=NOW + 2 * DAY)

    (enrollment,) = await planned_as(delivery)

    assert [leg.loses_slot for leg in enrollment.legs] == [MoveCause.RELEASED, None]


@pytest.mark.parametrize(
    ("status", "policies", "leaves"),
    [
        ("ACTIVE", {"when_mailbox_paused": "TRANSFER", "when_mailbox_removed": "TRANSFER"}, False),
        ("PAUSED", {}, False),
        ("PAUSED", {"when_mailbox_paused": "TRANSFER"}, True),
        ("NEEDS_AUTH", {"when_mailbox_paused": "TRANSFER"}, True),
        ("BLOCKED", {"when_mailbox_paused": "TRANSFER"}, True),
        ("REMOVED", {}, True),
        ("REMOVED", {"when_mailbox_removed": "WAIT", "when_mailbox_paused": "TRANSFER"}, False),
        ("UNLINKED", {}, True),
        ("UNLINKED", {"when_mailbox_removed": "WAIT", "when_mailbox_paused": "TRANSFER"}, False),
    ],
)
async def test_a_mailbox_hands_over_as_the_sequence_says(
    delivery: Delivery, status: str, policies: dict[str, str], leaves: bool
) -> None:
    """Paused or broken it waits by default, removed or unlinked its emails leave from another one."""
    await delivery.due()
    if policies:
        await delivery.change(sequences, delivery.sequence_id, **policies)
    if status == "UNLINKED":
        await delivery.link_only(await delivery.mailbox())
    else:
        await delivery.change(mailboxes, delivery.mailbox_id, status=status)

    (enrollment,) = await planned_as(delivery)

    assert enrollment.may_change_mailbox is leaves
    assert [leg.loses_slot for leg in enrollment.legs] == [
        MoveCause.MAILBOX_HANDED_OVER if leaves else None,
        None,
    ]


async def test_who_ended_or_whose_sequence_is_archived_is_not_planned(delivery: Delivery) -> None:
    """Whoever asks for them."""
    ended, active = (await delivery.due())[0], (await delivery.due())[0]
    await delivery.change(enrollments, (await delivery.email(ended)).enrollment_id, status="CANCELLED")

    assert [each.id for each in await planned_as(delivery)] == [(await delivery.email(active)).enrollment_id]

    await delivery.change(sequences, delivery.sequence_id, status="ARCHIVED")
    assert await planned_as(delivery) == []


async def test_a_contact_has_the_calendar_of_its_own_zone(delivery: Delivery) -> None:
    """Where the sequence says so and the contact has one."""
    await delivery.change(sequences, delivery.sequence_id, uses_contact_zone=True)
    await delivery.add(contact={"zone": "Asia/Tokyo"})
    await delivery.add()

    zones = {str(enrollment.calendar.zone) for enrollment in await planned_as(delivery)}

    assert zones == {"Asia/Tokyo", "UTC"}
