"""The gate: an email begins an attempt, or goes back to the plan with a cause and its budget."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from domain.gate import Hold
from domain.letter import StepText
from persistence.attempts import Attempt, Held, Login, Ticket, TooEarly
from persistence.database import listen
from persistence.ids import uuid7
from persistence.tables import (
    contacts,
    enrollments,
    mailboxes,
    sequences,
    steps,
    suppressions,
)
from tests.persistence.delivery import LEASE, MINUTE, NOW, TODAY, Delivery, at

SECOND = timedelta(seconds=1)


async def test_an_email_begins_its_attempt_with_all_that_is_needed_to_write_it(delivery: Delivery) -> None:
    """The number grows, a token is drawn, the email is leased, the Message-ID is stored."""
    await delivery.change(mailboxes, delivery.mailbox_id, email="ada@example.com", from_name="Ada")
    (due,) = await delivery.due(
        contact={"first_name": "Grace", "email": "grace@example.test", "custom_fields": {"plan": "pro"}}
    )
    await delivery.claim()

    admitted = await delivery.begin(Ticket(due, 1), now=NOW + SECOND)

    attempt, email = admitted[due], await delivery.email(due)
    assert isinstance(attempt, Attempt)
    assert (attempt.number, attempt.retry_count, attempt.quota_day, attempt.capacity) == (1, 0, TODAY, 30)
    assert (attempt.from_name, attempt.from_address) == ("Ada", "ada@example.com")
    assert attempt.login == Login("127.0.0.1", 2525, "NONE", None, None)
    assert (attempt.recipient_name, attempt.recipient_address) == ("Grace", "grace@example.test")
    assert attempt.fields["custom"] == {"plan": "pro"}
    assert attempt.step_text == StepText("Welcome, {{ first_name }}", "Hello", None)
    assert (attempt.message_id, attempt.thread, attempt.window_day) == (f"<{due}@example.com>", None, TODAY)
    assert attempt.assumes_sent
    assert (email.status, email.attempt, email.attempt_token) == ("SENDING", 1, attempt.token)
    assert (email.last_attempt_at, email.message_id, email.quota_day) == (
        NOW + SECOND,
        attempt.message_id,
        TODAY,
    )
    assert LEASE - MINUTE < email.lease_until - email.updated_at < LEASE + MINUTE
    assert await delivery.day() == (30, 1, 0, 0)


@pytest.mark.parametrize(
    ("table", "values", "hold"),
    [
        (mailboxes, {"status": "NEEDS_AUTH"}, Hold.MAILBOX_UNAVAILABLE),
        (mailboxes, {"host_troubles": 3, "host_rests_until": NOW + MINUTE}, Hold.HOST_UNAVAILABLE),
        (sequences, {"status": "PAUSED"}, Hold.SEQUENCE_NOT_ACTIVE),
        (enrollments, {"status": "PAUSED"}, Hold.ENROLLMENT_PAUSED),
        (enrollments, {"next_position": 2}, Hold.NOT_ITS_TURN),
        (enrollments, {"next_not_before": NOW + SECOND}, Hold.NOT_ITS_TURN),
        (
            sequences,
            {"send_window": {"weekdays": [1], "intervals": [["13:00", "14:00"]]}},
            Hold.OUTSIDE_WINDOW,
        ),
        (sequences, {"first_date": at(9, day=3).date()}, Hold.OUTSIDE_WINDOW),
        (mailboxes, {"hourly_limit": 1}, Hold.HOUR_FULL),
        (mailboxes, {"sliding_window_limit": 1, "sliding_window_s": 60}, Hold.SLIDING_WINDOW_FULL),
        (mailboxes, {"recipient_domain_daily_cap": 1}, Hold.RECIPIENT_DOMAIN_FULL),
        (mailboxes, {"minimum_gap_s": 60, "last_attempt_at": NOW - SECOND}, Hold.TOO_CLOSE),
    ],
)
async def test_what_may_not_leave_now_goes_back_with_its_cause(
    delivery: Delivery, table: Any, values: dict[str, Any], hold: Hold
) -> None:
    """Its budget is given back and no attempt is spent; what does not pass is for the planner."""
    await delivery.add(status="SENT", last_attempt_at=NOW, quota_day=TODAY)
    (due,) = await delivery.due()
    await delivery.claim()
    email = await delivery.email(due)
    row_of = {enrollments: email.enrollment_id, sequences: email.sequence_id, mailboxes: email.mailbox_id}
    await delivery.change(table, row_of[table], **values)

    async with listen(delivery.db.engine.url.render_as_string(hide_password=False)) as listener:
        admitted = await delivery.begin(Ticket(due, 1))
        heard = await listener.next(0.1)

    passes = hold in (Hold.NOT_ITS_TURN, Hold.TOO_CLOSE, Hold.HOST_UNAVAILABLE)
    email, enrollment = await delivery.email(due), await delivery.enrollment_of(due)
    assert admitted == {due: Held(due, hold)}
    assert (email.status, email.attempt, email.lease_until, email.send_at) == ("PENDING", 0, None, NOW)
    assert (email.released_because, enrollment.planned_at) == ((None, NOW) if passes else (hold, None))
    assert heard == (None if passes else "plan")
    assert await delivery.events(due) == [("RELEASE", hold)]
    assert await delivery.day() == (30, 0, 0, 0)


async def test_at_most_two_emails_of_a_mailbox_are_with_its_server(delivery: Delivery) -> None:
    """The third of one message waits until one has ended."""
    due = await delivery.due(3, status="QUEUED", quota_day=TODAY)

    admitted = await delivery.begin(*(Ticket(email_id, 1) for email_id in due))

    kinds = [admitted[email_id] for email_id in due]
    assert [type(kind) for kind in kinds] == [Attempt, Attempt, Held]
    assert kinds[2] == Held(due[2], Hold.MAILBOX_BUSY)


async def test_a_retry_needs_room_of_its_own(delivery: Delivery) -> None:
    """Its first budget was given back: on a full day it is held, for the planner."""
    await delivery.change(mailboxes, delivery.mailbox_id, daily_capacity=1)
    (queued,) = await delivery.due()
    await delivery.claim()
    retrying = await delivery.add(status="RETRYING", attempt=1, retry_at=NOW)

    admitted = await delivery.begin(Ticket(retrying, 2), Ticket(queued, 1))

    assert admitted[retrying] == Held(retrying, Hold.DAY_FULL)
    assert isinstance(admitted[queued], Attempt)
    assert await delivery.day() == (1, 1, 0, 0)


async def test_budget_moves_when_the_day_changed_between_claim_and_gate(delivery: Delivery) -> None:
    """It is Tuesday in Berlin when the email begins: Monday gets its reservation back."""
    berlin = await delivery.mailbox(zone="Europe/Berlin")
    (due,) = await delivery.due(mailbox_id=berlin, send_at=at(22, 59))
    await delivery.claim(now=at(22, 59))
    monday, tuesday = at(22).date(), at(22, day=3).date()
    reserved = await delivery.day(monday, berlin)

    await delivery.begin(Ticket(due, 1), now=at(23, 1))

    assert reserved == (30, 1, 0, 0)
    assert (await delivery.day(monday, berlin), await delivery.day(tuesday, berlin)) == (
        (30, 0, 0, 0),
        (30, 1, 0, 0),
    )
    assert (await delivery.email(due)).quota_day == tuesday


@pytest.mark.parametrize("number", [0, 2])
async def test_a_ticket_of_another_attempt_gets_nothing(delivery: Delivery, number: int) -> None:
    """It is out of date, or was never given out."""
    (due,) = await delivery.due()
    await delivery.claim()

    assert await delivery.begin(Ticket(due, number)) == {due: None}
    assert ((await delivery.email(due)).status, await delivery.events(due)) == ("QUEUED", [])


async def test_a_copy_of_a_message_gets_nothing(delivery: Delivery) -> None:
    """Neither the same ticket twice in one message, nor a second message."""
    (due,) = await delivery.due()
    await delivery.claim()

    first = await delivery.begin(Ticket(due, 1), Ticket(due, 1))
    second = await delivery.begin(Ticket(due, 1))

    assert isinstance(first[due], Attempt)
    assert second == {due: None}
    assert ((await delivery.email(due)).attempt, await delivery.day()) == (1, (30, 1, 0, 0))


async def test_a_retry_that_comes_back_early_waits_on(delivery: Delivery) -> None:
    """A few seconds are forgiven, because the clocks of two machines differ."""
    retry_at = NOW + timedelta(minutes=5)
    due = await delivery.add(status="RETRYING", attempt=1, retry_at=retry_at, retry_count=1)

    early = await delivery.begin(Ticket(due, 2), now=retry_at - 6 * SECOND)
    in_time = await delivery.begin(Ticket(due, 2), now=retry_at - 5 * SECOND)

    attempt, email = in_time[due], await delivery.email(due)
    assert early == {due: TooEarly(due, retry_at)}
    assert isinstance(attempt, Attempt)
    assert (attempt.number, attempt.retry_count, email.retry_at) == (2, 1, None)
    assert await delivery.day() == (30, 1, 0, 0)


@pytest.mark.parametrize("stop", ["enrollment", "contact", "suppression", "step"])
async def test_what_was_stopped_meanwhile_is_cancelled(delivery: Delivery, stop: str) -> None:
    """For whatever reason; its budget is given back."""
    (due,) = await delivery.due()
    await delivery.claim()
    email = await delivery.email(due)
    if stop == "enrollment":
        await delivery.change(enrollments, email.enrollment_id, status="REPLIED")
    elif stop == "contact":
        await delivery.change(contacts, email.contact_id, status="UNSUBSCRIBED")
    elif stop == "step":
        await delivery.change(steps, email.step_id, position=None, removed_at=NOW)
    else:
        async with delivery.db.transaction() as conn:
            address = select(contacts.c.normalised_email).where(contacts.c.id == email.contact_id)
            ids = {"id": uuid7(), "workspace_id": delivery.workspace_id, "reason": "MANUAL"}
            await conn.execute(insert(suppressions).values(**ids, address=address.scalar_subquery()))

    assert await delivery.begin(Ticket(due, 1)) == {due: None}
    assert await delivery.statuses(due) == ["CANCELLED"]
    assert await delivery.events(due) == [("CANCEL", "STOPPED")]
    assert await delivery.day() == (30, 0, 0, 0)


async def test_a_retry_that_was_stopped_had_given_its_budget_back(delivery: Delivery) -> None:
    """It is not given back twice."""
    await delivery.sent((await delivery.due())[0])
    due = await delivery.add(status="RETRYING", attempt=1, retry_at=NOW, quota_day=TODAY)
    await delivery.change(enrollments, (await delivery.email(due)).enrollment_id, status="REPLIED")

    assert await delivery.begin(Ticket(due, 2)) == {due: None}
    assert await delivery.day() == (30, 1, 1, 0)


async def test_a_contact_is_served_in_its_own_zone_where_the_sequence_says_so(delivery: Delivery) -> None:
    """08:30 in Berlin is 16:30 in Tokyo, inside its window; the window's day is the one over there."""
    window = {"weekdays": [1], "intervals": [["16:00", "17:00"]]}
    await delivery.change(
        sequences, delivery.sequence_id, uses_contact_zone=True, send_window=window, zone="Europe/Berlin"
    )
    tokyo = await delivery.add(contact={"zone": "Asia/Tokyo"}, send_at=at(7, 30))
    berlin = await delivery.add(send_at=at(7, 30))
    await delivery.claim(now=at(7, 30))

    admitted = await delivery.begin(Ticket(tokyo, 1), Ticket(berlin, 1), now=at(7, 30))

    attempt = admitted[tokyo]
    assert isinstance(attempt, Attempt)
    assert attempt.window_day == TODAY
    assert admitted[berlin] == Held(berlin, Hold.OUTSIDE_WINDOW)


async def test_the_days_window_may_have_opened_on_the_day_before(delivery: Delivery) -> None:
    """At 01:00 on Tuesday the window of Monday, 22:00 to 02:00, is still open: waits count from Monday."""
    window = {"weekdays": [1], "intervals": [["22:00", "02:00"]]}
    await delivery.change(sequences, delivery.sequence_id, send_window=window)
    (due,) = await delivery.due(send_at=at(1, day=3))

    attempt = await delivery.begun(due, now=at(1, day=3))

    assert (attempt.window_day, attempt.quota_day) == (TODAY, at(1, day=3).date())
