"""Settling a doubt by someone's word."""

import pytest

from domain.ids import EmailId, WorkspaceId
from persistence.overdue_retries import sweep_overdue
from persistence.refusals import LaterEmailLeft, NotInStatus, Refusal, UnknownObject
from persistence.rescue import rescue
from persistence.settling import Settlement, resolve_in_doubt
from persistence.tables import enrollments, mailboxes, sequences
from tests.persistence.delivery import MINUTE, NOW, Delivery, at
from tests.support.world import make_contact, make_enrollment, make_workspace


async def in_doubt(delivery: Delivery, *, policy: str = "HOLD") -> EmailId:
    """The email of a first step whose sender was lost after the handover."""
    await delivery.change(mailboxes, delivery.mailbox_id, in_doubt_policy=policy)
    (due,) = await delivery.due()
    await delivery.committed(due)
    await delivery.expire(due)
    async with delivery.db.transaction() as conn:
        await rescue(conn, now=NOW + MINUTE)
    return due


async def settle(delivery: Delivery, email_id: EmailId, settlement: Settlement) -> None:
    async with delivery.db.transaction() as conn:
        await resolve_in_doubt(conn, delivery.workspace_id, email_id, settlement, now=at(12))


async def refused(delivery: Delivery, email_id: EmailId, settlement: Settlement) -> Refusal:
    """Why it is not done; nothing was changed."""
    before = await delivery.email(email_id), await delivery.enrollment_of(email_id), await delivery.day()
    with pytest.raises(Refusal) as refusal:
        await settle(delivery, email_id, settlement)
    assert before == (
        await delivery.email(email_id),
        await delivery.enrollment_of(email_id),
        await delivery.day(),
    )
    return refusal.value


@pytest.mark.parametrize("policy", ["HOLD", "ASSUME_SENT"])
async def test_what_had_arrived_is_sent(delivery: Delivery, policy: str) -> None:
    """It left when it was handed over; a sequence that waited for it goes on, another one has."""
    doubtful = await in_doubt(delivery, policy=policy)

    await settle(delivery, doubtful, Settlement.SENT)

    email, enrollment = await delivery.email(doubtful), await delivery.enrollment_of(doubtful)
    assert (email.status, email.sent_at, email.last_error) == ("SENT", email.committing_at, None)
    assert (enrollment.status, enrollment.next_position) == ("ACTIVE", 2)
    assert await delivery.day() == (30, 1, 1, 0)
    assert (await delivery.events(doubtful))[-1] == ("SETTLE_SENT", "BY_HAND")


@pytest.mark.parametrize(
    ("when_step_fails", "status", "next_position"), [("STOP", "FAILED", 1), ("CONTINUE", "ACTIVE", 2)]
)
async def test_what_had_not_arrived_is_failed(
    delivery: Delivery, when_step_fails: str, status: str, next_position: int
) -> None:
    """Its budget is given back, and the sequence says what follows, as for any failure."""
    await delivery.change(sequences, delivery.sequence_id, when_step_fails=when_step_fails)
    doubtful = await in_doubt(delivery)

    await settle(delivery, doubtful, Settlement.FAILED)

    email, enrollment = await delivery.email(doubtful), await delivery.enrollment_of(doubtful)
    assert (email.status, email.failure_reason) == ("FAILED", "BY_HAND")
    assert email.last_error == "The sender was lost after the handover."
    assert (enrollment.status, enrollment.next_position) == (status, next_position)
    assert await delivery.day() == (30, 0, 0, 1)


@pytest.mark.parametrize("policy", ["HOLD", "ASSUME_SENT"])
async def test_what_is_sent_again_is_due_at_once(delivery: Delivery, policy: str) -> None:
    """As a retry whose message was lost, and before the step after it, even if that had its turn already."""
    doubtful = await in_doubt(delivery, policy=policy)
    written = (await delivery.email(doubtful)).message_id

    await settle(delivery, doubtful, Settlement.RESEND)

    async with delivery.db.transaction() as conn:
        (ticket,) = await sweep_overdue(conn, now=at(12) + MINUTE, grace=MINUTE)
    assert (ticket.email_id, ticket.number) == (doubtful, 2)
    assert (await delivery.enrollment_of(doubtful)).next_position == 1
    assert await delivery.day() == (30, 0, 0, 0)
    await delivery.sent(doubtful, now=at(12) + MINUTE)
    email = await delivery.email(doubtful)
    assert (email.status, email.message_id) == ("SENT", written)
    assert (await delivery.enrollment_of(doubtful)).next_position == 2
    assert await delivery.day() == (30, 1, 1, 0)


async def test_the_last_email_of_a_complete_enrollment_may_be_sent_again(delivery: Delivery) -> None:
    """It was complete because the email was taken for sent; it and its sequence are open again."""
    await delivery.change(mailboxes, delivery.mailbox_id, in_doubt_policy="ASSUME_SENT")
    last = await delivery.add(position=2, enrollment={"next_position": 2})
    await delivery.committed(last)
    await delivery.expire(last)
    async with delivery.db.transaction() as conn:
        await rescue(conn, now=NOW + MINUTE)
    assert (await delivery.enrollment_of(last)).status == "COMPLETED"

    await settle(delivery, last, Settlement.RESEND)

    enrollment = await delivery.enrollment_of(last)
    assert (enrollment.status, enrollment.completed_at, enrollment.next_position) == ("ACTIVE", None, 2)
    assert (await delivery.email(last)).status == "RETRYING"


async def test_an_email_is_not_sent_again_behind_a_later_one(delivery: Delivery) -> None:
    """The second step has left meanwhile."""
    doubtful = await in_doubt(delivery, policy="ASSUME_SENT")
    enrollment_id = (await delivery.email(doubtful)).enrollment_id
    follow_up = await delivery.add(enrollment_id, position=2, send_at=at(9, day=4))
    await delivery.sent(follow_up, now=at(9, day=4))

    assert isinstance(await refused(delivery, doubtful, Settlement.RESEND), LaterEmailLeft)


async def test_an_email_of_an_enrollment_that_ended_is_not_sent_again(delivery: Delivery) -> None:
    """Somebody stopped it."""
    doubtful = await in_doubt(delivery)
    enrollment_id = (await delivery.email(doubtful)).enrollment_id
    await delivery.change(enrollments, enrollment_id, status="UNSUBSCRIBED")

    refusal = await refused(delivery, doubtful, Settlement.RESEND)

    assert isinstance(refusal, NotInStatus)
    assert refusal.status == "UNSUBSCRIBED"


async def test_a_contact_that_was_enrolled_again_is_not_sent_the_old_email(delivery: Delivery) -> None:
    """It would be in the sequence twice."""
    await delivery.change(mailboxes, delivery.mailbox_id, in_doubt_policy="ASSUME_SENT")
    last = await delivery.add(position=2, enrollment={"next_position": 2})
    await delivery.committed(last)
    await delivery.expire(last)
    async with delivery.db.transaction() as conn:
        await rescue(conn, now=NOW + MINUTE)
        contact_id = (await delivery.email(last)).contact_id
        await make_enrollment(conn, delivery.workspace_id, delivery.sequence_id, contact_id)

    assert isinstance(await refused(delivery, last, Settlement.RESEND), NotInStatus)


@pytest.mark.parametrize("settlement", Settlement)
async def test_only_a_doubt_is_settled(delivery: Delivery, settlement: Settlement) -> None:
    """What is known stays."""
    (due,) = await delivery.due()
    await delivery.sent(due)

    refusal = await refused(delivery, due, settlement)

    assert isinstance(refusal, NotInStatus)
    assert refusal.status == "SENT"


async def test_another_workspace_settles_nothing(delivery: Delivery) -> None:
    """To it there is no such email."""
    doubtful = await in_doubt(delivery)
    async with delivery.db.transaction() as conn:
        other = WorkspaceId(await make_workspace(conn))
        await make_contact(conn, other)
        with pytest.raises(UnknownObject):
            await resolve_in_doubt(conn, other, doubtful, Settlement.SENT, now=NOW)
