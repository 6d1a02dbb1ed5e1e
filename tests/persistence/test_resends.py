"""Resends by themselves: once, under the same Message-ID, and only where the mailbox wants that."""

from datetime import datetime, timedelta

import pytest

from domain.delivery import RESEND_WAIT
from domain.ids import EmailId
from domain.lifecycle import EmailEvent
from persistence.attempts import Attempt, Ticket
from persistence.pending_work import find_work
from persistence.rescue import rescue
from persistence.resends import find_resends, resend_in_doubt
from persistence.results import Result
from persistence.settling import Settlement, resolve_in_doubt
from persistence.tables import enrollments, mailboxes
from tests.persistence.delivery import MINUTE, NOW, Delivery

LATER = NOW + RESEND_WAIT


async def in_doubt(delivery: Delivery, *, policy: str = "RESEND") -> tuple[EmailId, Attempt]:
    """An email whose reply was lost at `NOW`, and the attempt whose it was."""
    await delivery.change(mailboxes, delivery.mailbox_id, in_doubt_policy=policy)
    (due,) = await delivery.due()
    attempt = await delivery.committed(due)
    await delivery.end(Result(attempt, EmailEvent.LOSE_SIGHT, "lost_after_dot"))
    return due, attempt


async def resent(delivery: Delivery, *, now: datetime = LATER) -> list[Ticket | None]:
    async with delivery.db.transaction() as conn:
        found = await find_resends(conn, now=now)
        return [await resend_in_doubt(conn, *each, now=now) for each in found]


async def has_work(delivery: Delivery, now: datetime) -> bool:
    async with delivery.db.transaction() as conn:
        return (await find_work(conn, now=now, grace=MINUTE)).has_overdue_retries


async def test_a_doubt_is_sent_once_more_after_a_while(delivery: Delivery) -> None:
    """Listed until then; longer than anyone waits for the reply. Then due at once, before what follows."""
    doubtful, _ = await in_doubt(delivery)
    before = await delivery.email(doubtful)

    too_early = await resent(delivery, now=LATER - timedelta(seconds=1))
    work = [await has_work(delivery, at) for at in (LATER - timedelta(seconds=1), LATER)]
    tickets = await resent(delivery)

    after = await delivery.email(doubtful)
    assert timedelta(minutes=10) < RESEND_WAIT
    assert (before.status, before.retry_at, before.attempt) == ("IN_DOUBT", LATER, 1)
    assert (too_early, work, tickets) == ([], [False, True], [Ticket(doubtful, 2)])
    assert (after.status, after.retry_at, after.message_id) == ("RETRYING", LATER, before.message_id)
    assert (await delivery.enrollment_of(doubtful)).next_position == 1
    assert (await delivery.events(doubtful))[-1] == ("RESEND", "BY_POLICY")


async def test_what_is_sent_once_more_is_charged_once(delivery: Delivery) -> None:
    """And the sequence goes on from it."""
    doubtful, _ = await in_doubt(delivery)
    await resent(delivery)

    await delivery.sent(doubtful, now=LATER)

    assert await delivery.day() == (30, 1, 1, 0)
    assert (await delivery.enrollment_of(doubtful)).next_position == 2


async def test_the_doubt_of_a_sender_that_was_lost_is_sent_once_more_too(delivery: Delivery) -> None:
    """The rescue lists it."""
    await delivery.change(mailboxes, delivery.mailbox_id, in_doubt_policy="RESEND")
    (due,) = await delivery.due()
    await delivery.committed(due)
    await delivery.expire(due)

    async with delivery.db.transaction() as conn:
        await rescue(conn, now=NOW)

    assert (await delivery.email(due)).retry_at == LATER
    assert await resent(delivery) == [Ticket(due, 2)]


@pytest.mark.parametrize("policy", ["ASSUME_SENT", "HOLD"])
async def test_nothing_is_sent_once_more_without_being_asked_for(delivery: Delivery, policy: str) -> None:
    """At most once is what everyone has who did not choose otherwise."""
    doubtful, _ = await in_doubt(delivery, policy=policy)

    assert (await delivery.email(doubtful)).retry_at is None
    assert await resent(delivery, now=LATER + timedelta(days=30)) == []


async def test_a_second_doubt_is_left_to_a_person(delivery: Delivery) -> None:
    """However lost the replies are, there are two handovers at most."""
    doubtful, _ = await in_doubt(delivery)
    await resent(delivery)
    again = await delivery.committed(doubtful, now=LATER)
    await delivery.end(Result(again, EmailEvent.LOSE_SIGHT, "lost_after_dot"), now=LATER)

    email = await delivery.email(doubtful)
    assert (email.status, email.retry_at, email.attempt) == ("IN_DOUBT", None, 2)
    assert await resent(delivery, now=LATER + timedelta(days=30)) == []
    assert (await delivery.enrollment_of(doubtful)).next_position == 1


async def test_a_late_250_makes_the_resend_needless(delivery: Delivery) -> None:
    """Its owner has the token still: SENT, counted once, and nothing goes out any more."""
    doubtful, attempt = await in_doubt(delivery)

    counted = await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250), now=NOW + MINUTE)

    email = await delivery.email(doubtful)
    assert counted == {doubtful}
    assert (email.status, email.retry_at, email.sent_at) == ("SENT", None, NOW)
    assert await resent(delivery) == []
    assert await delivery.day() == (30, 1, 1, 0)


async def test_a_250_that_comes_when_the_email_goes_out_again_changes_nothing(delivery: Delivery) -> None:
    """There is one more handover at most, and one answer counts: that of the attempt that has the row."""
    doubtful, attempt = await in_doubt(delivery)
    await resent(delivery)
    again = await delivery.committed(doubtful, now=LATER)

    late = await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250), now=LATER)
    own = await delivery.end(Result(again, EmailEvent.ACCEPT, "accepted", 250), now=LATER)

    assert not late
    assert own == {doubtful}
    assert await delivery.statuses(doubtful) == ["SENT"]
    assert await delivery.day() == (30, 1, 1, 0)


@pytest.mark.parametrize("settlement", [Settlement.SENT, Settlement.FAILED])
async def test_a_doubt_that_was_settled_is_not_sent_once_more(
    delivery: Delivery, settlement: Settlement
) -> None:
    """Somebody knew better."""
    doubtful, _ = await in_doubt(delivery)
    async with delivery.db.transaction() as conn:
        await resolve_in_doubt(conn, delivery.workspace_id, doubtful, settlement, now=NOW + MINUTE)

    assert (await delivery.email(doubtful)).retry_at is None
    assert await resent(delivery) == []


@pytest.mark.parametrize("change", ["another policy", "an enrollment that ended"])
async def test_what_nobody_wants_any_more_stays_in_doubt(delivery: Delivery, change: str) -> None:
    """And is not looked at again."""
    doubtful, _ = await in_doubt(delivery)
    if change == "another policy":
        await delivery.change(mailboxes, delivery.mailbox_id, in_doubt_policy="HOLD")
    else:
        owner = (await delivery.email(doubtful)).enrollment_id
        await delivery.change(enrollments, owner, status="UNSUBSCRIBED")

    assert await resent(delivery) == [None]
    assert await resent(delivery) == []
    assert await delivery.statuses(doubtful) == ["IN_DOUBT"]
    assert await delivery.day() == (30, 1, 0, 0)
