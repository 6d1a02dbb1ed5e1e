"""The places in mailboxes' timetables that are taken by emails outside of a plan."""

from datetime import datetime, timedelta
from typing import Any

from domain.ids import EmailId, EnrollmentId, MailboxId
from domain.plan import Taken
from persistence.being_planned import BeingPlanned
from persistence.database import Database
from persistence.planning_terms import planning_terms
from persistence.tables import sequences
from persistence.taken_slots import taken_slots
from tests.persistence.delivery import MINUTE, NOW, TODAY, Delivery, make_delivery

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def taken(
    delivery: Delivery, *planned: EnrollmentId, mailbox_ids: tuple[MailboxId, ...] = ()
) -> list[Taken]:
    async with delivery.db.transaction() as conn:
        terms = await planning_terms(conn, delivery.workspace_id)
        days = await taken_slots(
            conn,
            delivery.workspace_id,
            mailbox_ids or (delivery.mailbox_id,),
            planned=BeingPlanned(planned),
            terms=terms,
            now=NOW,
        )
        return [email for day in days for email in day.emails()]


async def test_each_email_takes_the_instant_at_which_it_leaves_or_left(delivery: Delivery) -> None:
    """Planned, tried, retried or sent; what failed or was cancelled takes none."""
    tried, sent, retried = NOW + MINUTE, NOW + 2 * MINUTE, NOW + 3 * MINUTE
    stamps = {"last_attempt_at": tried, "sent_at": sent, "retry_at": retried}
    instants: dict[EmailId, datetime] = {}
    for status in ("PENDING", "QUEUED", "SENDING", "COMMITTING", "SENT", "RETRYING", "IN_DOUBT"):
        known: dict[str, Any] = {} if status in ("PENDING", "QUEUED") else stamps
        instants[await delivery.add(status=status, **known)] = {
            "PENDING": NOW,
            "QUEUED": NOW,
            "SENT": sent,
            "RETRYING": retried,
        }.get(status, tried)
    await delivery.add(status="FAILED")
    await delivery.add(status="CANCELLED")

    found = await taken(delivery)

    assert {each.email_id: each.send_at for each in found} == instants
    assert {each.mailbox_id for each in found} == {delivery.mailbox_id}


async def test_what_is_planned_anew_takes_nothing_but_what_has_left(delivery: Delivery) -> None:
    """Its pending emails are free to move, the others of the same enrollment are not."""
    sent = await delivery.add(status="SENT", sent_at=NOW)
    owner = EnrollmentId((await delivery.email(sent)).enrollment_id)
    await delivery.add(owner, position=2, send_at=NOW + 2 * DAY)

    assert await taken(delivery, owner) == [Taken(sent, delivery.mailbox_id, NOW)]


async def test_only_what_is_planned_ahead_may_shift(delivery: Delivery) -> None:
    """In its own calendar; what the dispatcher may take up meanwhile stays, and an archived sequence too."""
    near = await delivery.add(send_at=NOW + 5 * MINUTE)
    far = await delivery.add(send_at=NOW + 5 * MINUTE + timedelta(seconds=1))
    tokyo = await delivery.add(send_at=NOW + HOUR, contact={"zone": "Asia/Tokyo"})
    await delivery.change(sequences, delivery.sequence_id, uses_contact_zone=True)

    found = {each.email_id: each.calendar for each in await taken(delivery)}

    zones = {email_id: calendar and str(calendar.zone) for email_id, calendar in found.items()}
    assert zones == {near: None, far: "UTC", tokyo: "Asia/Tokyo"}
    await delivery.change(sequences, delivery.sequence_id, status="ARCHIVED")
    assert [each.calendar for each in await taken(delivery)] == [None, None, None]


async def test_steps_of_one_day_do_not_shift_past_each_other(worker_db: Database) -> None:
    """Where a step may follow on the same day, neither has a calendar to shift in."""
    delivery = await make_delivery(worker_db, steps=((0, "Welcome", "Hello"), (0, "And", "Hello again")))
    morning = await delivery.add(send_at=NOW + HOUR)
    owner = EnrollmentId((await delivery.email(morning)).enrollment_id)
    noon = await delivery.add(owner, position=2, send_at=NOW + 3 * HOUR)

    assert {each.email_id: each.calendar for each in await taken(delivery)} == {morning: None, noon: None}


async def test_what_counts_no_more_is_not_read(delivery: Delivery) -> None:
    """Days gone by, emails without a slot, and other mailboxes."""
    other = await delivery.mailbox()
    await delivery.add(status="SENT", sent_at=NOW - 3 * DAY, send_day=TODAY - 3 * DAY)
    await delivery.add(send_at=None, unplaced_reason="NO_CAPACITY")
    elsewhere = await delivery.add(mailbox_id=other)

    assert await taken(delivery) == []
    assert [each.email_id for each in await taken(delivery, mailbox_ids=(other,))] == [elsewhere]


async def test_what_left_late_counts_on_the_day_on_which_it_left(delivery: Delivery) -> None:
    """Planned for last week, in doubt since today."""
    (late,) = await delivery.due(send_at=NOW - MINUTE, send_day=TODAY - 7 * DAY, window_day=TODAY - 7 * DAY)
    await delivery.committed(late)

    assert [each.email_id for each in await taken(delivery)] == [late]
