"""The sender refused: what becomes of the email, its contact and its mailbox, by the server's reply."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.capture_server import Always, CaptureServer
from persistence.database import Database
from persistence.tables import email_events, suppressions
from tests.support.post_office import ADDRESS, make_campaign, post_office
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.world import MONDAY

GREYLISTED = "451 4.7.1 Greylisted, please come back"
FIVE, FIFTEEN, THIRTY = (timedelta(minutes=minutes) for minutes in (5, 15, 30))
OVER_LIMIT = "550 5.4.5 Daily user sending limit exceeded"


async def test_a_passing_refusal_waits_five_minutes(worker_db: Database) -> None:
    """451: RETRYING with its time, the budget given back, and a message with the next attempt in the wait."""
    with CaptureServer(script={ADDRESS: [GREYLISTED]}) as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()

            email = await office.email(campaign.email_ids[0])
            used = await office.used(campaign.mailbox_id)
            waiting = office.broker.waiting()
            office.broker.release_due(MONDAY + FIVE)
            messages = office.take_messages()

    assert (email.status, email.retry_at, email.retry_count) == ("RETRYING", MONDAY + FIVE, 1)
    assert email.last_error == GREYLISTED
    assert used == [(0, 0, 0)]
    assert waiting == {"sender.wait.5m": 1, "sender.wait.15m": 0, "sender.wait.30m": 0}
    assert messages == [(None, [(str(campaign.email_ids[0]), 2)])]
    assert server.received == []


@pytest.mark.parametrize(
    ("policy", "enrollment_status", "next_position", "follow_up"),
    [("STOP", "FAILED", 1, "CANCELLED"), ("CONTINUE", "ACTIVE", 2, "PENDING")],
)
async def test_after_three_retries_the_email_has_failed(
    worker_db: Database, policy: str, enrollment_status: str, next_position: int, follow_up: str
) -> None:
    """After 5, 15 and 30 minutes nothing is tried again; the sequence says what becomes of the contact."""
    with CaptureServer(script={ADDRESS: Always(GREYLISTED)}) as server:
        campaign = await make_campaign(worker_db, port=server.port, policy={"when_step_fails": policy})
        async with post_office(worker_db) as office:
            await office.send_due()
            retries = []
            for wait in (FIVE, FIFTEEN, THIRTY):
                retries.append((await office.email(campaign.email_ids[0])).retry_at)
                await office.wait_and_send(wait)

            email, second = [await office.email(email_id) for email_id in campaign.email_ids]
            enrollment = await office.enrollment(campaign.enrollment_id)
            used = await office.used(campaign.mailbox_id)
            contact = await office.contact_status()

    assert retries == [MONDAY + FIVE, MONDAY + FIVE + FIFTEEN, MONDAY + FIVE + FIFTEEN + THIRTY]
    assert (email.status, email.failure_reason, email.attempt) == ("FAILED", "RETRIES_EXHAUSTED", 4)
    assert (email.retry_count, email.last_error) == (3, GREYLISTED)
    assert (enrollment.status, enrollment.next_position) == (enrollment_status, next_position)
    assert (second.status, contact, used) == (follow_up, "ACTIVE", [(0, 0, 1)])
    assert len(server.refused) == 4


async def test_an_unknown_address_is_never_written_to_again(worker_db: Database) -> None:
    """550 5.1.1: FAILED, the contact BOUNCED and suppressed, its enrollment ended with what was to come."""
    with CaptureServer(script={ADDRESS: Always("550 5.1.1 No such user here")}) as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()

            email, second = [await office.email(email_id) for email_id in campaign.email_ids]
            enrollment = await office.enrollment(campaign.enrollment_id)
            contact = await office.contact_status()
            used = await office.used(campaign.mailbox_id)
    async with worker_db.transaction() as conn:
        suppressed = (await conn.execute(select(suppressions))).one()

    assert (email.status, email.failure_reason) == ("FAILED", "unknown_address")
    assert email.last_error == "550 5.1.1 No such user here"
    assert (contact, enrollment.status, second.status) == ("BOUNCED", "BOUNCED", "CANCELLED")
    assert (suppressed.address, suppressed.reason) == (ADDRESS, "HARD_BOUNCE")
    assert suppressed.email_id == campaign.email_ids[0]
    assert used == [(0, 0, 1)]


async def test_a_wrong_password_sets_the_mailbox_aside(worker_db: Database) -> None:
    """NEEDS_AUTH in the server's words; the email waits unharmed, and nothing is claimed again."""
    with CaptureServer(credentials={"sender": "right"}) as server:
        campaign = await make_campaign(worker_db, port=server.port, password="wrong")
        async with post_office(worker_db) as office:
            await office.send_due()
            await office.send_due()

            email = await office.email(campaign.email_ids[0])
            mailbox = await office.mailbox(campaign.mailbox_id)
            enrollment = await office.enrollment(campaign.enrollment_id)
            used = await office.used(campaign.mailbox_id)

    assert mailbox.status == "NEEDS_AUTH"
    assert mailbox.status_reason == "5.7.8 Authentication credentials invalid"
    assert (email.status, email.send_at, email.retry_count) == ("PENDING", MONDAY, 0)
    assert (enrollment.status, used, len(server.refused)) == ("ACTIVE", [(0, 0, 0)], 1)


async def test_the_right_password_logs_in(worker_db: Database) -> None:
    """The stored password is decrypted for this mailbox and accepted."""
    with CaptureServer(credentials={"sender": "right"}) as server:
        await make_campaign(worker_db, port=server.port, password="right")
        async with post_office(worker_db) as office:
            await office.send_due()

    assert [received.authenticated_as for received in server.received] == ["sender"]


async def test_a_password_of_another_key_sets_the_mailbox_aside(worker_db: Database) -> None:
    """What cannot be decrypted is said of the mailbox, and nobody connects."""
    async with ScriptedSmtpServer() as server:
        campaign = await make_campaign(
            worker_db, port=server.port, username="sender", password_encrypted=b"\x01" + bytes(40)
        )
        async with post_office(worker_db) as office:
            await office.send_due()

            email = await office.email(campaign.email_ids[0])
            mailbox = await office.mailbox(campaign.mailbox_id)

    assert (mailbox.status, email.status, server.connections) == ("NEEDS_AUTH", "PENDING", 0)
    assert "DRUMBEAT_SECRET_KEY is not the one it was written with" in mailbox.status_reason


async def test_a_providers_limit_rests_the_mailbox(worker_db: Database) -> None:
    """BLOCKED for a day, the budget given back; no bounce, and the planner is asked for another time."""
    async with ScriptedSmtpServer({"MAIL": OVER_LIMIT}) as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()

            email = await office.email(campaign.email_ids[0])
            mailbox = await office.mailbox(campaign.mailbox_id)
            enrollment = await office.enrollment(campaign.enrollment_id)
            used = await office.used(campaign.mailbox_id)
            contact = await office.contact_status()

    assert (mailbox.status, mailbox.blocked_until) == ("BLOCKED", MONDAY + timedelta(hours=24))
    assert mailbox.status_reason == "5.4.5 Daily user sending limit exceeded"
    assert (email.status, email.released_because) == ("PENDING", "provider_limit")
    assert (enrollment.planned_at, contact, used) == (None, "ACTIVE", [(0, 0, 0)])


@pytest.mark.parametrize(
    ("reply", "status"), [(OVER_LIMIT, "BLOCKED"), ("550 5.7.30 no passwords here", "NEEDS_AUTH")]
)
async def test_a_mailbox_refused_after_the_dot_keeps_its_email(
    worker_db: Database, reply: str, status: str
) -> None:
    """A clear refusal is never a doubt: the email comes again, and is held until its mailbox can send."""
    async with ScriptedSmtpServer({"DOT": reply}) as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()
            refused = await office.email(campaign.email_ids[0])
            await office.wait_and_send(FIVE)

            email = await office.email(campaign.email_ids[0])
            mailbox = await office.mailbox(campaign.mailbox_id)
            used = await office.used(campaign.mailbox_id)

    assert (refused.status, refused.retry_at, refused.retry_count) == ("RETRYING", MONDAY + FIVE, 0)
    assert (mailbox.status, email.status) == (status, "PENDING")
    assert (email.released_because, used, len(server.letters)) == ("MAILBOX_UNAVAILABLE", [(0, 0, 0)], 1)


async def test_a_missing_value_fails_before_anything_is_sent(worker_db: Database) -> None:
    """Without the field that the subject wants, no letter with a hole is written; the email says why."""
    async with ScriptedSmtpServer() as server:
        campaign = await make_campaign(worker_db, port=server.port, contact={"first_name": None})
        async with post_office(worker_db) as office:
            await office.send_due()

            email = await office.email(campaign.email_ids[0])
            enrollment = await office.enrollment(campaign.enrollment_id)
            used = await office.used(campaign.mailbox_id)
    async with worker_db.transaction() as conn:
        told = (
            await conn.execute(select(email_events.c.kind, email_events.c.cause).order_by(email_events.c.id))
        ).all()

    assert (email.status, email.failure_reason) == ("FAILED", "UNWRITABLE")
    assert email.last_error == "first_name has no value and no default"
    assert (enrollment.status, used, server.connections) == ("FAILED", [(0, 0, 1)], 0)
    assert ("FAIL", "UNWRITABLE") in told


async def test_a_server_that_is_away_costs_no_retry(worker_db: Database) -> None:
    """Nobody looked at the email: it comes again as often as it takes, after the rests of the circuit."""
    async with ScriptedSmtpServer() as server:
        port = server.port
    campaign = await make_campaign(worker_db, port=port)
    async with post_office(worker_db) as office:
        await office.send_due()
        for wait in (FIVE, FIVE, FIVE, FIFTEEN, THIRTY, THIRTY):
            await office.wait_and_send(wait)

        email = await office.email(campaign.email_ids[0])

    assert (email.status, email.retry_count, email.attempt) == ("RETRYING", 0, 7)
    assert email.retry_at == office.clock.present + THIRTY
