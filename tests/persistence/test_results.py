"""Results: how an attempt ended, and everything that follows from it, once."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from domain.lifecycle import EmailEvent
from persistence.database import listen
from persistence.results import Result
from persistence.tables import mailbox_days, mailboxes, scheduled_emails, sequences
from tests.persistence.delivery import MINUTE, NOW, TODAY, Delivery, at

DAY = timedelta(days=1)


async def test_an_accepted_email_is_sent_and_the_next_step_is_next(delivery: Delivery) -> None:
    """Counted on its mailbox's day; the enrollment has started and waits from the day on which it left."""
    (due,) = await delivery.due()
    owner = (await delivery.email(due)).enrollment_id
    await delivery.add(owner, position=2, send_at=NOW + 2 * DAY)
    attempt = await delivery.committed(due)

    counted = await delivery.end(
        Result(attempt, EmailEvent.ACCEPT, "accepted", 250, "2.0.0 Ok"), now=NOW + MINUTE
    )

    email, enrollment = await delivery.email(due), await delivery.enrollment_of(due)
    assert counted == {due}
    assert (email.status, email.sent_at, email.lease_until, email.last_error) == (
        "SENT",
        NOW + MINUTE,
        None,
        None,
    )
    assert await delivery.day() == (30, 1, 1, 0)
    assert await delivery.events(due) == [("COMMIT", None), ("ACCEPT", "accepted")]
    assert (enrollment.status, enrollment.started_at, enrollment.current_step) == ("ACTIVE", NOW + MINUTE, 1)
    assert (enrollment.next_position, enrollment.next_send_at) == (2, NOW + 2 * DAY)
    assert (enrollment.last_window_day, enrollment.planned_at) == (TODAY, NOW)


async def test_the_last_email_completes_enrollment_and_sequence(delivery: Delivery) -> None:
    """Nothing is left to send, and nobody is on the way."""
    due = await delivery.add(position=2, enrollment={"next_position": 2})

    await delivery.sent(due, now=NOW + MINUTE)

    enrollment = await delivery.enrollment_of(due)
    assert (enrollment.status, enrollment.completed_at, enrollment.next_send_at) == (
        "COMPLETED",
        NOW + MINUTE,
        None,
    )
    async with delivery.db.transaction() as conn:
        (sequence,) = (await conn.execute(sequences.select())).all()
    assert (sequence.status, sequence.completed_at) == ("COMPLETED", NOW + MINUTE)


async def test_what_left_late_pushes_what_follows(delivery: Delivery) -> None:
    """Step 2 was planned two days after Monday; step 1 left on Tuesday, so the planner looks again."""
    (due,) = await delivery.due(send_at=at(8, 55, day=3), window_day=TODAY, send_day=TODAY)
    owner = (await delivery.email(due)).enrollment_id
    await delivery.add(owner, position=2, send_at=NOW + 2 * DAY)

    async with listen(delivery.db.engine.url.render_as_string(hide_password=False)) as listener:
        await delivery.sent(due, now=at(9, day=3))
        heard = await listener.next(0.5)

    email, enrollment = await delivery.email(due), await delivery.enrollment_of(due)
    assert (email.window_day, email.send_day, email.quota_day) == (TODAY + DAY, TODAY + DAY, TODAY + DAY)
    assert (enrollment.planned_at, enrollment.last_window_day, heard) == (None, TODAY + DAY, "plan")


@pytest.mark.parametrize("is_committed", [True, False])
@pytest.mark.parametrize("spends_retry", [True, False])
async def test_a_retry_gives_its_budget_back_and_waits(
    delivery: Delivery, is_committed: bool, spends_retry: bool
) -> None:
    """Also past the point of no return, when it is certain that nothing was handed over."""
    (due,) = await delivery.due()
    attempt = await (delivery.committed(due) if is_committed else delivery.begun(due))

    retry_at = NOW + 5 * MINUTE
    result = Result(
        attempt,
        EmailEvent.RETRY,
        "WITHHELD",
        451,
        "4.7.1 Later",
        retry_at=retry_at,
        spends_retry=spends_retry,
    )
    counted = await delivery.end(result)

    email, enrollment = await delivery.email(due), await delivery.enrollment_of(due)
    assert counted == {due}
    assert (email.status, email.retry_at, email.retry_count) == ("RETRYING", retry_at, int(spends_retry))
    assert (email.last_error, email.lease_until, email.send_day) == ("451 4.7.1 Later", None, TODAY)
    assert await delivery.day() == (30, 0, 0, 0)
    assert (enrollment.next_position, enrollment.started_at) == (1, None)


async def test_a_retry_counts_on_the_day_on_which_it_comes_back(delivery: Delivery) -> None:
    """The day of its mailbox: in Berlin it is Tuesday at 23:30 UTC."""
    berlin = await delivery.mailbox(zone="Europe/Berlin")
    (due,) = await delivery.due(mailbox_id=berlin)
    attempt = await delivery.begun(due)

    await delivery.end(Result(attempt, EmailEvent.RETRY, "full", retry_at=at(23, 30)))

    assert (await delivery.email(due)).send_day == TODAY + DAY


async def test_an_email_that_needs_retries_is_counted_once(delivery: Delivery) -> None:
    """On the day of the first one; what spends no retry, as its server was not reached, is none."""
    (due,) = await delivery.due()

    for spends_retry in (False, True, True):
        attempt = await delivery.begun(due, now=NOW)
        result = Result(attempt, EmailEvent.RETRY, "later", retry_at=NOW, spends_retry=spends_retry)
        await delivery.end(result)

    async with delivery.db.transaction() as conn:
        assert await conn.scalar(select(mailbox_days.c.retried)) == 1


async def test_a_failure_is_counted_and_by_default_ends_the_enrollment(delivery: Delivery) -> None:
    """The email after it is cancelled, the sequence has nobody left."""
    (due,) = await delivery.due()
    owner = (await delivery.email(due)).enrollment_id
    later = await delivery.add(owner, position=2, send_at=NOW + 2 * DAY)
    attempt = await delivery.committed(due)

    await delivery.end(Result(attempt, EmailEvent.FAIL, "rejected", 554, "5.7.1 Spam"))

    email, enrollment = await delivery.email(due), await delivery.enrollment_of(due)
    assert (email.status, email.failure_reason, email.last_error) == ("FAILED", "rejected", "554 5.7.1 Spam")
    assert await delivery.day() == (30, 0, 0, 1)
    assert (enrollment.status, enrollment.started_at) == ("FAILED", None)
    assert await delivery.events(later) == [("CANCEL", "FAIL")]


async def test_what_is_lost_sight_of_stays_charged_and_the_sequence_goes_on(delivery: Delivery) -> None:
    """Assumed to be sent, from the time at which it was committed."""
    (due,) = await delivery.due()
    attempt = await delivery.committed(due)

    await delivery.end(Result(attempt, EmailEvent.LOSE_SIGHT, "lost_after_dot"), now=NOW + MINUTE)

    email, enrollment = await delivery.email(due), await delivery.enrollment_of(due)
    assert (email.status, email.last_error, email.sent_at) == ("IN_DOUBT", "lost_after_dot", None)
    assert await delivery.day() == (30, 1, 0, 0)
    assert (enrollment.next_position, enrollment.started_at, enrollment.current_step) == (2, NOW, 1)


async def test_a_mailbox_may_hold_the_sequence_until_the_doubt_is_settled(delivery: Delivery) -> None:
    """The step in doubt stays the next one, so nothing is claimed."""
    await delivery.change(mailboxes, delivery.mailbox_id, in_doubt_policy="HOLD")
    (due,) = await delivery.due()
    await delivery.add((await delivery.email(due)).enrollment_id, position=2, send_at=NOW)
    attempt = await delivery.committed(due)

    await delivery.end(Result(attempt, EmailEvent.LOSE_SIGHT, "lost_after_dot"))

    assert (await delivery.enrollment_of(due)).next_position == 1
    assert await delivery.claimed() == []


@pytest.mark.parametrize("policy", ["ASSUME_SENT", "HOLD"])
async def test_a_late_250_settles_the_doubt(delivery: Delivery, policy: str) -> None:
    """
    Its owner has the token still: the email is sent, counted once, and the next step is next.

    It left when it was committed, not when its 250 was read.
    """
    await delivery.change(mailboxes, delivery.mailbox_id, in_doubt_policy=policy)
    (due,) = await delivery.due()
    attempt = await delivery.committed(due)
    await delivery.end(Result(attempt, EmailEvent.LOSE_SIGHT, "lost_after_dot"))

    counted = await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250), now=NOW + MINUTE)

    email = await delivery.email(due)
    assert counted == {due}
    assert (email.status, email.sent_at, email.last_error) == ("SENT", NOW, None)
    assert await delivery.day() == (30, 1, 1, 0)
    assert (await delivery.enrollment_of(due)).next_position == 2


@pytest.mark.parametrize("needs_planner", [True, False])
async def test_a_released_email_goes_back_to_the_planner(delivery: Delivery, needs_planner: bool) -> None:
    """It may keep its slot, unless it needs another one."""
    (due,) = await delivery.due()
    attempt = await delivery.begun(due)

    counted = await delivery.end(
        Result(attempt, EmailEvent.RELEASE, "limit", 550, "5.4.5 Quota", needs_planner=needs_planner)
    )

    email = await delivery.email(due)
    assert counted == {due}
    assert (email.status, email.send_at, email.last_error) == ("PENDING", NOW, "550 5.4.5 Quota")
    assert email.released_because == ("limit" if needs_planner else None)
    assert (await delivery.enrollment_of(due)).planned_at is None
    assert await delivery.day() == (30, 0, 0, 0)


@pytest.mark.parametrize(
    "event", [EmailEvent.ACCEPT, EmailEvent.RETRY, EmailEvent.FAIL, EmailEvent.LOSE_SIGHT]
)
@pytest.mark.parametrize("gone", ["another attempt", "released"])
async def test_a_result_that_comes_too_late_changes_nothing(
    delivery: Delivery, event: EmailEvent, gone: str
) -> None:
    """Neither the email nor a counter, and nothing that would follow; it bounces nobody either."""
    (due,) = await delivery.due()
    attempt = await delivery.committed(due)
    if gone == "another attempt":
        attempt = replace(attempt, token=uuid4())
    else:
        await delivery.change(scheduled_emails, due, status="PENDING")
    before = (await delivery.email(due), await delivery.enrollment_of(due), await delivery.day())

    counted = await delivery.end(
        Result(attempt, event, "late", retry_at=NOW, bounces=event is EmailEvent.FAIL)
    )

    assert counted == frozenset()
    assert (await delivery.email(due), await delivery.enrollment_of(due), await delivery.day()) == before
    assert await delivery.events(due) == [("COMMIT", None)]


async def test_a_release_is_not_possible_past_the_point_of_no_return(delivery: Delivery) -> None:
    """What was marked may have arrived: it is retried, or in doubt, but never simply planned again."""
    (due,) = await delivery.due()
    attempt = await delivery.committed(due)

    assert await delivery.end(Result(attempt, EmailEvent.RELEASE, "limit")) == frozenset()
    assert await delivery.statuses(due) == ["COMMITTING"]


async def test_results_of_one_group_are_recorded_together(delivery: Delivery) -> None:
    """Each by its own event, and the day of their mailbox counts them all."""
    due = await delivery.due(2)
    attempts = [await delivery.begun(email_id) for email_id in due]
    await delivery.commit(*attempts)
    results = [
        Result(attempts[0], EmailEvent.ACCEPT, "accepted", 250),
        Result(attempts[1], EmailEvent.FAIL, "rejected", 554),
    ]

    assert await delivery.end(*results) == set(due)
    assert await delivery.statuses(*due) == ["SENT", "FAILED"]
    assert await delivery.day() == (30, 1, 1, 1)
    assert [(await delivery.enrollment_of(email_id)).status for email_id in due] == ["ACTIVE", "FAILED"]
