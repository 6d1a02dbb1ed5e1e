"""Complaints: whoever calls an email spam is written to no more, and it counts for the mailbox."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, insert, select

from domain.alerts import AlertBounds, AlertKind, AlertSeverity
from domain.ids import EmailId
from domain.inbound import InboundKind
from persistence.alerts import find_causes
from persistence.inbound import Recorded, record_inbound
from persistence.suppressions import unsubscribe
from persistence.tables import email_events, mailbox_days, suppressions
from tests.persistence.delivery import NOW, Delivery, at
from tests.persistence.receiving import CONTACT, in_doubt, message, record, sent, statuses
from tests.support.world import make_email, make_enrollment, make_sequence, make_workspace

LOOP = "feedback@mx.example.com"


async def complain(delivery: Delivery, email_id: EmailId) -> Recorded | None:
    about = {"sender": LOOP, "diagnosis": "abuse"}
    return await record(delivery, await message(delivery, email_id, InboundKind.COMPLAINT, **about))


# Any: rows have the columns of the table.
async def listed(delivery: Delivery) -> list[Row[Any]]:
    async with delivery.db.transaction() as conn:
        return list((await conn.execute(select(suppressions))).all())


async def test_whoever_complains_is_written_to_no_more(delivery: Delivery) -> None:
    """By no sequence; the email itself stays sent, and tells of it in the words of the report."""
    reported = await sent(delivery)
    email = await delivery.email(reported)
    follow_up = await delivery.add(email.enrollment_id, position=2, send_at=at(9, day=4))
    async with delivery.db.transaction() as conn:
        ids = (delivery.workspace_id, await make_sequence(conn, delivery.workspace_id), email.contact_id)
        elsewhere = await make_enrollment(conn, *ids, mailbox_id=email.mailbox_id)
        other = await make_email(conn, elsewhere)

    assert await complain(delivery, reported) == Recorded(reported, settled=False)

    assert await statuses(delivery, reported) == ("SENT", "UNSUBSCRIBED", "UNSUBSCRIBED")
    assert await statuses(delivery, other) == ("CANCELLED", "UNSUBSCRIBED", "UNSUBSCRIBED")
    assert (await delivery.email(follow_up)).status == "CANCELLED"
    [row] = await listed(delivery)
    assert (row.address, row.reason, row.email_id) == (CONTACT, "COMPLAINT", reported)
    async with delivery.db.transaction() as conn:
        told = select(email_events).where(email_events.c.kind == "COMPLAIN")
        event = (await conn.execute(told)).one()
    assert (event.email_id, event.mailbox_id, event.at) == (reported, email.mailbox_id, at(12))
    assert (event.reply, event.cause) == ("abuse", "COMPLAINT")


async def test_a_complaint_that_is_handed_in_again_changes_nothing(delivery: Delivery) -> None:
    """Providers repeat themselves."""
    reported = await sent(delivery)
    await complain(delivery, reported)
    before = await listed(delivery), await delivery.email(reported), await delivery.events(reported)

    assert await complain(delivery, reported) == Recorded(reported, settled=False)

    after = await listed(delivery), await delivery.email(reported), await delivery.events(reported)
    assert after == before


async def test_what_is_complained_of_had_arrived(delivery: Delivery) -> None:
    """The doubt is settled."""
    doubtful = await in_doubt(delivery)

    assert await complain(delivery, doubtful) == Recorded(doubtful, settled=True)

    assert await statuses(delivery, doubtful) == ("SENT", "UNSUBSCRIBED", "UNSUBSCRIBED")
    assert [kind for kind, _ in await delivery.events(doubtful)][-2:] == ["SETTLE_SENT", "COMPLAIN"]


async def test_whoever_unsubscribed_before_complains_all_the_same(delivery: Delivery) -> None:
    """Many press both buttons: it is the complaint that the provider counts."""
    reported = await sent(delivery)
    contact_id = (await delivery.email(reported)).contact_id
    async with delivery.db.transaction() as conn:
        await unsubscribe(conn, workspace_id=delivery.workspace_id, contact_id=contact_id, now=NOW)

    await complain(delivery, reported)

    [row] = await listed(delivery)
    assert (row.address, row.reason, row.email_id) == (CONTACT, "COMPLAINT", reported)


async def test_whoever_complained_and_unsubscribes_has_complained(delivery: Delivery) -> None:
    """The graver reason stays."""
    reported = await sent(delivery)
    await complain(delivery, reported)
    before = await listed(delivery)

    async with delivery.db.transaction() as conn:
        contact_id = (await delivery.email(reported)).contact_id
        await unsubscribe(conn, workspace_id=delivery.workspace_id, contact_id=contact_id, now=NOW)

    assert await listed(delivery) == before


async def test_a_complaint_raises_the_alarm_for_its_mailbox(delivery: Delivery) -> None:
    """One in two hundred is too many; for the mailbox that wrote the email, and for no other."""
    reported = await sent(delivery)
    await delivery.mailbox()
    async with delivery.db.transaction() as conn:
        day = {"workspace_id": delivery.workspace_id, "mailbox_id": delivery.mailbox_id, "capacity": 0}
        await conn.execute(
            insert(mailbox_days).values(day | {"day": (NOW - timedelta(days=1)).date(), "sent": 199})
        )
        before = await find_causes(conn, now=NOW, bounds=AlertBounds())

    await complain(delivery, reported)

    async with delivery.db.transaction() as conn:
        [found] = await find_causes(conn, now=NOW, bounds=AlertBounds())
    assert before == []
    assert (found.kind, found.severity) == (AlertKind.COMPLAINT_RATE, AlertSeverity.CRITICAL)
    assert (found.mailbox_id, found.figure, found.threshold) == (delivery.mailbox_id, 1 / 200, 0.003)


@pytest.mark.parametrize("is_known", [True, False])
async def test_complaints_of_others_emails_change_nothing(delivery: Delivery, is_known: bool) -> None:
    """Of another workspace's email, and of one that nobody wrote."""
    reported = await sent(delivery)
    about = reported if is_known else None
    complaint = await message(delivery, about, InboundKind.COMPLAINT, sender=LOOP, subject="Welcome")
    before = await statuses(delivery, reported), await delivery.events(reported)

    async with delivery.db.transaction() as conn:
        other = await make_workspace(conn)
        assert await record_inbound(conn, other, complaint, now=NOW) is None

    assert (await statuses(delivery, reported), await delivery.events(reported)) == before
    assert await listed(delivery) == []


async def test_no_spam_after_all_changes_nothing(delivery: Delivery) -> None:
    """Nor is a complaint taken back by it: that is for a person, who unsuppresses."""
    reported = await sent(delivery)
    before = await statuses(delivery, reported), await delivery.events(reported)

    notice = await message(delivery, reported, InboundKind.NOTICE, sender=LOOP, diagnosis="not-spam")
    await record(delivery, notice)

    assert (await statuses(delivery, reported), await delivery.events(reported)) == before
    assert await listed(delivery) == []
