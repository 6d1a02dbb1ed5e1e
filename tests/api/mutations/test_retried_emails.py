"""Emails tried again by hand: those that wait for a retry, and those that were given up."""

import pytest

from tests.api.mutations.asking import done, error, everything, refused
from tests.api.mutations.intervening import DAY, HOUR, Office, identified
from tests.support.world import MONDAY


async def test_a_retry_is_made_at_once(office: Office) -> None:
    """Its time is now; everything else about it stays."""
    email_id = await office.email(
        await office.enroll(), 1, status="RETRYING", retry_at=MONDAY + HOUR, retry_count=2
    )

    tried = await done(
        office.api, "retryEmail", "email { status retryAt retryCount }", emailId=identified(email_id)
    )

    assert tried["email"] == {"status": "RETRYING", "retryAt": "2026-03-02T09:00:00Z", "retryCount": 2}


@pytest.mark.parametrize("ended", ["FAILED", "ACTIVE", "COMPLETED"])
async def test_an_email_that_was_given_up_is_tried_anew(office: Office, ended: str) -> None:
    """As its enrollment ended with it, or went on; it gets a new time, and so does what follows."""
    enrolled = await office.enroll(
        status=ended, next_position=2, current_step=1, last_window_day=MONDAY.date(), next_send_at=None
    )
    failed = await office.email(
        enrolled,
        1,
        status="FAILED",
        attempt=4,
        retry_count=3,
        last_attempt_at=MONDAY,
        failure_reason="POLICY",
        last_error="550 no",
    )
    now = MONDAY + HOUR

    tried = await done(
        office.api,
        "retryEmail",
        "email { status retryCount failureReason lastError }",
        emailId=identified(failed),
    )
    await office.plan(now=now)

    assert tried["email"] == {
        "status": "PENDING",
        "retryCount": 0,
        "failureReason": None,
        "lastError": "550 no",
    }
    rows = {row.step_id: row for row in (await everything(office.db))["scheduled_emails"]}
    times = [row.send_at for row in rows.values()]
    enrollment = await office.row("enrollments", enrolled)
    assert [row.status for row in rows.values()] == ["PENDING"] * 3
    assert now <= times[0] < MONDAY + DAY
    assert times == sorted(times)
    assert (enrollment.status, enrollment.next_position, enrollment.current_step) == ("ACTIVE", 1, 0)
    assert enrollment.last_window_day is None
    events = (await everything(office.db))["email_events"]
    assert [(row.kind, row.cause) for row in events] == [("REVIVE", "BY_HAND")]


@pytest.mark.parametrize("status", ["PENDING", "QUEUED", "SENT", "IN_DOUBT", "CANCELLED"])
async def test_what_was_not_given_up_is_not_tried_again(office: Office, status: str) -> None:
    """A doubt is settled by `resolveInDoubt`."""
    email_id = await office.email(await office.enroll(), 1, status=status)

    errors = await refused(office.api, office.db, "retryEmail", emailId=identified(email_id))

    assert errors == [error("WRONG_STATUS", "emailId", f"The email's status is {status}.")]


async def test_nobody_is_written_to_again_who_must_not_be(office: Office) -> None:
    """Suppressed contacts, enrollments that ended in another way, and steps that are no more."""
    suppressed = await office.email(await office.enroll(status="FAILED"), 1, status="FAILED")
    stopped = await office.email(await office.enroll(status="CANCELLED"), 1, status="FAILED")
    went_on = await office.enroll(next_position=3)
    overtaken = await office.email(went_on, 1, status="FAILED", last_attempt_at=MONDAY)
    await office.email(went_on, 2, status="SENT", last_attempt_at=MONDAY + HOUR, sent_at=MONDAY + HOUR)
    contact_id = (await office.row("scheduled_emails", suppressed)).contact_id
    address = (await office.row("contacts", contact_id)).email
    await done(office.api, "suppress", "suppressed", emails=[address])

    told = [
        *await refused(office.api, office.db, "retryEmail", emailId=identified(suppressed)),
        *await refused(office.api, office.db, "retryEmail", emailId=identified(stopped)),
        *await refused(office.api, office.db, "retryEmail", emailId=identified(overtaken)),
    ]

    assert [(each["code"], each["path"]) for each in told] == [
        ("SUPPRESSED", ["emailId"]),
        ("WRONG_STATUS", ["emailId"]),
        ("OUT_OF_ORDER", ["emailId"]),
    ]
