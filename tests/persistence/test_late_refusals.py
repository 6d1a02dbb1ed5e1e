"""Late refusals: a server that says no after its email fell in doubt has not accepted it."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from domain.ids import EmailId, EnrollmentId
from domain.lifecycle import EmailEvent
from persistence.attempts import Attempt
from persistence.late_refusals import settle_refused
from persistence.rescue import rescue
from persistence.results import Result
from persistence.tables import contacts
from tests.persistence.delivery import MINUTE, NOW, Delivery

DAY = timedelta(days=1)
LATER = NOW + 3 * MINUTE


async def in_doubt(delivery: Delivery) -> tuple[EmailId, Attempt]:
    """An email whose reply takes longer than its lease, and a follow-up that is planned."""
    (email_id,) = await delivery.due()
    owner = EnrollmentId((await delivery.email(email_id)).enrollment_id)
    await delivery.add(owner, position=2, send_at=NOW + 2 * DAY)
    attempt = await delivery.committed(email_id)
    await delivery.expire(email_id)
    async with delivery.db.transaction() as conn:
        assert (await rescue(conn, now=NOW + 2 * MINUTE)).in_doubt == (email_id,)
    return email_id, attempt


async def settled(delivery: Delivery, refused: Result) -> bool:
    async with delivery.db.transaction() as conn:
        return await settle_refused(conn, refused, now=LATER)


@pytest.mark.parametrize(("bounces", "contact"), [(False, "ACTIVE"), (True, "BOUNCED")])
async def test_a_late_refusal_for_good_fails_the_email(
    delivery: Delivery, bounces: bool, contact: str
) -> None:
    """Its budget is given back, its sequence ends; an address that does not exist is written to no more."""
    email_id, attempt = await in_doubt(delivery)

    assert await settled(delivery, Result(attempt, EmailEvent.FAIL, "rejected", 550, "no", bounces=bounces))

    email, enrollment = await delivery.email(email_id), await delivery.enrollment_of(email_id)
    assert (email.status, email.failure_reason, email.last_error) == ("FAILED", "rejected", "550 no")
    assert (enrollment.status, await delivery.day()) == (
        "BOUNCED" if bounces else "FAILED",
        (30, 0, 0, 1),
    )
    async with delivery.db.transaction() as conn:
        assert await conn.scalar(select(contacts.c.status)) == contact


async def test_a_late_refusal_for_now_is_a_retry_like_any_other(delivery: Delivery) -> None:
    """Counted, so that a server that is always so slow does not get it for ever; the follow-up waits."""
    email_id, attempt = await in_doubt(delivery)
    retry_at = LATER + 5 * MINUTE
    refused = Result(
        attempt, EmailEvent.RETRY, "transient", 451, "later", retry_at=retry_at, spends_retry=True
    )

    assert await settled(delivery, refused)

    email, enrollment = await delivery.email(email_id), await delivery.enrollment_of(email_id)
    assert (email.status, email.retry_at, email.retry_count) == ("RETRYING", retry_at, 1)
    assert (email.last_error, enrollment.next_position) == ("451 later", 1)
    assert await delivery.day() == (30, 0, 0, 0)
    await delivery.sent(email_id, now=retry_at)
    assert await delivery.day() == (30, 1, 1, 0)


async def test_what_a_later_step_has_overtaken_is_not_tried_again(delivery: Delivery) -> None:
    """The sequence went on from the doubt: the email has failed, and comes after nothing."""
    email_id, attempt = await in_doubt(delivery)
    await delivery.sent(await delivery.follow_up_of(email_id), now=NOW + 2 * DAY)
    refused = Result(attempt, EmailEvent.RETRY, "transient", 451, "later", retry_at=LATER, spends_retry=True)

    assert await settled(delivery, refused)

    email = await delivery.email(email_id)
    assert (email.status, email.retry_at, email.failure_reason) == ("FAILED", None, "transient")


@pytest.mark.parametrize("gone", ["another attempt", "sent"])
async def test_a_refusal_of_what_nobody_doubts_changes_nothing(delivery: Delivery, gone: str) -> None:
    """Somebody settled it meanwhile, or it is another attempt that is in doubt."""
    email_id, attempt = await in_doubt(delivery)
    if gone == "sent":
        await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250))
    else:
        attempt = replace(attempt, token=uuid4())
    before = (await delivery.email(email_id), await delivery.day())

    assert not await settled(delivery, Result(attempt, EmailEvent.FAIL, "rejected", 550, "no", bounces=True))

    assert (await delivery.email(email_id), await delivery.day()) == before
    assert (await delivery.enrollment_of(email_id)).status == "ACTIVE"
