"""Emails taken out by hand: the contact goes on with the next step."""

import pytest
from sqlalchemy import text

from persistence.replanning import replan
from tests.api.mutations.asking import done, error, everything, refused
from tests.api.mutations.intervening import DAY, HOUR, Office, identified
from tests.support.world import MONDAY


async def test_an_email_is_taken_out_and_its_sequence_goes_on(office: Office) -> None:
    """The planner does not put it back, the times of the others stay, and none is hurried."""
    enrolled, emails = await office.itinerary()

    taken_out = await done(
        office.api, "cancelEmail", "email { status events { kind cause } }", emailId=identified(emails[0])
    )
    async with office.db.transaction() as conn:
        await replan(conn, office.api.workspace_id, [enrolled], now=MONDAY)

    assert taken_out["email"] == {"status": "CANCELLED", "events": [{"kind": "CANCEL", "cause": "BY_HAND"}]}
    rows = (await everything(office.db))["scheduled_emails"]
    assert [row.status for row in rows] == ["CANCELLED", "PENDING", "PENDING"]
    assert await office.times(emails[1:]) == [MONDAY + HOUR + 2 * DAY, MONDAY + HOUR + 4 * DAY]
    enrollment = await office.row("enrollments", enrolled)
    assert (enrollment.next_position, enrollment.status) == (2, "ACTIVE")
    assert enrollment.next_send_at == MONDAY + HOUR + 2 * DAY
    await office.assert_promises_kept()


async def test_a_later_email_can_be_taken_out(office: Office) -> None:
    """What is next stays next."""
    enrolled, emails = await office.itinerary()

    await done(office.api, "cancelEmail", "email { status }", emailId=identified(emails[1]))

    enrollment = await office.row("enrollments", enrolled)
    assert (enrollment.next_position, enrollment.next_send_at) == (1, MONDAY + HOUR)
    await office.assert_promises_kept()


async def test_the_last_email_taken_out_completes(office: Office) -> None:
    """The enrollment, and its sequence with nobody on the way."""
    enrolled, emails = await office.itinerary()

    for each in emails:
        await done(office.api, "cancelEmail", "email { status }", emailId=identified(each))

    assert (await office.row("enrollments", enrolled)).status == "COMPLETED"
    assert (await office.row("sequences", office.sequence_id)).status == "COMPLETED"


async def test_an_email_that_was_claimed_gives_its_budget_back(office: Office) -> None:
    """Nothing of it was handed over, and its attempt finds nothing to hand over any more."""
    enrolled = await office.enroll()
    email_id = await office.email(enrolled, 1)
    async with office.db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(
            text(
                "INSERT INTO mailbox_days (workspace_id, mailbox_id, day, capacity, used)"
                " SELECT workspace_id, id, '2026-03-02', 2, 1 FROM mailboxes"
            )
        )
        await conn.execute(
            text("UPDATE scheduled_emails SET status = 'SENDING', quota_day = '2026-03-02', attempt = 1")
        )

    await done(office.api, "cancelEmail", "email { status }", emailId=identified(email_id))

    [day] = (await everything(office.db))["mailbox_days"]
    assert day.used == 0


@pytest.mark.parametrize("status", ["COMMITTING", "SENT", "IN_DOUBT", "FAILED", "CANCELLED"])
async def test_what_may_have_left_is_not_taken_out(office: Office, status: str) -> None:
    """Nor what was taken out before."""
    email_id = await office.email(await office.enroll(), 1, status=status)

    errors = await refused(office.api, office.db, "cancelEmail", emailId=identified(email_id))

    assert errors == [error("WRONG_STATUS", "emailId", f"The email's status is {status}.")]
