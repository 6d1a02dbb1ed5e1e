"""Messages that came in: what they say about an email of ours, and what follows."""

import pytest
from sqlalchemy import select

from domain.inbound import InboundKind
from persistence.inbound import Recorded, record_inbound
from persistence.tables import mailbox_days, mailboxes, suppressions
from tests.persistence.delivery import NOW, Delivery, at
from tests.persistence.receiving import CONTACT, in_doubt, message, record, sent, statuses
from tests.support.world import make_workspace


async def test_a_reply_ends_the_contacts_way_through_the_sequence(delivery: Delivery) -> None:
    """The follow-up is cancelled with it."""
    answered = await sent(delivery)
    enrollment_id = (await delivery.email(answered)).enrollment_id
    follow_up = await delivery.add(enrollment_id, position=2, send_at=at(9, day=4))
    reply = await message(delivery, answered, InboundKind.REPLY)

    assert await record(delivery, reply) == Recorded(answered, settled=False)

    assert await statuses(delivery, answered) == ("SENT", "REPLIED", "ACTIVE")
    assert (await delivery.email(follow_up)).status == "CANCELLED"
    assert (await delivery.events(answered))[-1] == ("REPLY", "REPLY")


async def test_a_message_that_is_handed_in_again_changes_nothing(delivery: Delivery) -> None:
    """Whoever reads a mailbox may see it twice."""
    answered = await sent(delivery)
    reply = await message(delivery, answered, InboundKind.REPLY)
    await record(delivery, reply)
    before = await delivery.email(answered), await delivery.events(answered)

    assert await record(delivery, reply) == Recorded(answered, settled=False)

    assert (await delivery.email(answered), await delivery.events(answered)) == before


@pytest.mark.parametrize("kind", [InboundKind.AUTO_REPLY, InboundKind.NOTICE])
async def test_a_machine_ends_nothing(delivery: Delivery, kind: InboundKind) -> None:
    """The contact is away, or the server is slow."""
    answered = await sent(delivery)
    before = await delivery.events(answered)

    await record(delivery, await message(delivery, answered, kind))

    assert await statuses(delivery, answered) == ("SENT", "ACTIVE", "ACTIVE")
    assert await delivery.events(answered) == before


@pytest.mark.parametrize(
    ("kind", "enrollment"),
    [(InboundKind.REPLY, "REPLIED"), (InboundKind.AUTO_REPLY, "ACTIVE"), (InboundKind.NOTICE, "ACTIVE")],
)
async def test_what_is_answered_had_arrived(delivery: Delivery, kind: InboundKind, enrollment: str) -> None:
    """The doubt is settled, whoever answers."""
    doubtful = await in_doubt(delivery)

    assert await record(delivery, await message(delivery, doubtful, kind)) == Recorded(doubtful, settled=True)

    assert await statuses(delivery, doubtful) == ("SENT", enrollment, "ACTIVE")
    assert ("SETTLE_SENT", str(kind)) in await delivery.events(doubtful)


async def test_what_bounces_had_not_arrived(delivery: Delivery) -> None:
    """The report's words are kept; a reason that need not last says nothing about the contact."""
    doubtful = await in_doubt(delivery)
    bounce = await message(
        delivery, doubtful, InboundKind.BOUNCE, status="5.7.1", diagnosis="550 5.7.1 Blocked"
    )

    assert await record(delivery, bounce) == Recorded(doubtful, settled=True)

    assert await statuses(delivery, doubtful) == ("FAILED", "FAILED", "ACTIVE")
    assert (await delivery.email(doubtful)).last_error == "550 5.7.1 Blocked"


@pytest.mark.parametrize("doubt", [False, True])
async def test_an_address_that_does_not_exist_is_written_to_no_more(delivery: Delivery, doubt: bool) -> None:
    """What was accepted stays sent: the mailbox's server did take it."""
    bounced = await in_doubt(delivery) if doubt else await sent(delivery)
    bounce = await message(delivery, bounced, InboundKind.HARD_BOUNCE, status="5.1.1")

    await record(delivery, bounce)
    await record(delivery, bounce)

    async with delivery.db.transaction() as conn:
        counted = list(await conn.scalars(select(mailbox_days.c.bounced)))
    assert counted == [1]
    assert await statuses(delivery, bounced) == ("FAILED" if doubt else "SENT", "BOUNCED", "BOUNCED")
    async with delivery.db.transaction() as conn:
        suppressed = (await conn.execute(select(suppressions.c.address, suppressions.c.reason))).all()
    assert suppressed == [(CONTACT, "HARD_BOUNCE")]


async def test_a_reply_that_cites_nothing_is_known_by_its_sender_and_subject(delivery: Delivery) -> None:
    """Some programs drop the header; the contact's last email with that subject was answered."""
    answered = await sent(delivery)
    subject = (await delivery.email(answered)).subject

    reply = await message(delivery, None, InboundKind.REPLY, subject=f"AW: Re: {subject}")
    other = await message(delivery, None, InboundKind.REPLY, subject="Something else")

    assert await record(delivery, other) is None
    assert await record(delivery, reply) == Recorded(answered, settled=False)


async def test_a_bounce_that_cites_nothing_is_about_nothing(delivery: Delivery) -> None:
    """To guess would end the way of a contact who is well."""
    answered = await sent(delivery)
    subject = (await delivery.email(answered)).subject
    bounce = await message(delivery, None, InboundKind.HARD_BOUNCE, subject=subject)

    assert await record(delivery, bounce) is None
    assert await statuses(delivery, answered) == ("SENT", "ACTIVE", "ACTIVE")


async def test_what_our_own_mailboxes_write_is_no_reply(delivery: Delivery) -> None:
    """A follow-up cites the email before it too."""
    answered = await sent(delivery)
    await delivery.change(mailboxes, delivery.mailbox_id, normalised_email="ours@example.com")
    ours = await message(delivery, answered, InboundKind.REPLY, sender="ours@example.com")

    assert await record(delivery, ours) is None
    assert await statuses(delivery, answered) == ("SENT", "ACTIVE", "ACTIVE")


async def test_another_workspace_hears_of_nothing(delivery: Delivery) -> None:
    """A Message-ID is no secret."""
    answered = await sent(delivery)
    reply = await message(delivery, answered, InboundKind.REPLY)

    async with delivery.db.transaction() as conn:
        other = await make_workspace(conn)
        assert await record_inbound(conn, other, reply, now=NOW) is None
    assert await statuses(delivery, answered) == ("SENT", "ACTIVE", "ACTIVE")
