"""The sender: one email from its claim to the recipient's server, and what is written down of it."""

import asyncio
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from app.capture_server import CaptureServer
from domain.unsubscribe import UnsubscribeToken, read_token
from persistence.database import Database
from persistence.tables import mailboxes
from tests.support.post_office import (
    ADDRESS,
    PUBLIC_URL,
    VAULT,
    make_campaign,
    post_office,
)
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.world import MONDAY

TWO_DAYS = timedelta(days=2)


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


async def test_a_due_email_arrives_and_is_recorded(worker_db: Database) -> None:
    """From QUEUED to SENT: the letter is at the server, the budget is spent, the next step is due."""
    with CaptureServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()

            email = await office.email(campaign.email_ids[0])
            letter = await office.letter(campaign.email_ids[0])
            enrollment = await office.enrollment(campaign.enrollment_id)
            used = await office.used(campaign.mailbox_id)

    (received,) = server.received
    assert (received.sender, received.recipient) == ("me@example.com", ADDRESS)
    assert (email.status, email.sent_at, email.attempt, email.retry_count) == ("SENT", MONDAY, 1, 0)
    assert (email.subject, letter.body_text, email.last_error) == ("Welcome, Reader", "Hello", None)
    assert (email.lease_until, email.window_day, email.send_day) == (None, MONDAY.date(), MONDAY.date())
    assert (enrollment.current_step, enrollment.next_position, enrollment.started_at) == (1, 2, MONDAY)
    assert enrollment.next_send_at == MONDAY + TWO_DAYS
    assert used == [(1, 1, 0)]


async def test_the_letter_has_the_headers_of_its_email(worker_db: Database) -> None:
    """Message-ID as stored, sender and recipient by name, and one way to unsubscribe that is signed."""
    with CaptureServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()
            email = await office.email(campaign.email_ids[0])

    letter = read(server.received[0].content)
    link = letter["List-Unsubscribe"].strip("<>")
    token = read_token(VAULT.derive("unsubscribe"), link.removeprefix(f"{PUBLIC_URL}/u/"))
    assert letter["From"] == "Welcome <me@example.com>"
    assert letter["To"] == f"Reader <{ADDRESS}>"
    assert letter["Subject"] == "Welcome, Reader"
    assert letter["Date"].datetime == MONDAY
    assert letter["Message-ID"] == email.message_id == f"<{campaign.email_ids[0]}@example.com>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert token == UnsubscribeToken(campaign.workspace_id, email.contact_id, email.sequence_id)
    assert letter.get_content() == "Hello\r\n"


async def test_a_follow_up_continues_the_thread(worker_db: Database) -> None:
    """In-Reply-To and References name the first email, and its subject is answered, not the step's own."""
    with CaptureServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()
            office.clock.pass_by(TWO_DAYS)
            await office.send_due()

            first, second = [await office.email(email_id) for email_id in campaign.email_ids]
            enrollment = await office.enrollment(campaign.enrollment_id)

    letter = read(server.received[1].content)
    assert letter["In-Reply-To"] == letter["References"] == first.message_id
    assert letter["Subject"] == "Re: Welcome, Reader"
    assert letter["Message-ID"] == second.message_id != first.message_id
    assert (second.parent_message_id, second.thread_root) == (first.message_id, first.message_id)
    assert (second.thread_references, second.subject) == ([first.message_id], "Re: Welcome, Reader")
    assert (second.status, second.sent_at) == ("SENT", MONDAY + TWO_DAYS)
    assert (enrollment.status, enrollment.completed_at) == ("COMPLETED", MONDAY + TWO_DAYS)


async def test_a_retry_is_the_same_email(worker_db: Database) -> None:
    """What the server refused after the dot comes again under the same Message-ID, and is sent once."""
    async with ScriptedSmtpServer() as server:
        server.next_answers["DOT"] = ["451 4.7.1 try again later"]
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()
            await office.wait_and_send(timedelta(minutes=5))

            email = await office.email(campaign.email_ids[0])
            used = await office.used(campaign.mailbox_id)

    ids = [read(letter.content)["Message-ID"] for letter in server.letters]
    assert ids == [email.message_id, email.message_id]
    assert (email.status, email.attempt, email.retry_count) == ("SENT", 2, 1)
    assert email.sent_at == MONDAY + timedelta(minutes=5)
    assert used == [(1, 1, 0)]


@pytest.mark.parametrize("copies", [2, 5])
async def test_copies_of_a_message_send_one_email(worker_db: Database, copies: int) -> None:
    """However often the broker delivers a message, at once or later, its email leaves once."""
    with CaptureServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.dispatcher(None)
            ((dispatch_id, tickets),) = office.take_messages()

            await asyncio.gather(*(office.sender(dispatch_id, tickets) for _ in range(copies)))
            await office.sender.drain(timeout_s=10)
            await office.sender(dispatch_id, tickets)
            await office.sender.drain(timeout_s=10)
            email = await office.email(campaign.email_ids[0])

    assert len(server.received) == 1
    assert (email.status, email.attempt) == ("SENT", 1)


@pytest.mark.parametrize("number", [0, 2])
async def test_a_message_of_another_attempt_begins_nothing(worker_db: Database, number: int) -> None:
    """A ticket that is out of date leaves the email as it is, and nobody connects."""
    async with ScriptedSmtpServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.dispatcher(None)
            before = await office.email(campaign.email_ids[0])

            await office.sender(None, [(str(campaign.email_ids[0]), number)])
            await office.sender.drain(timeout_s=10)
            after = await office.email(campaign.email_ids[0])

    assert after == before
    assert (after.status, after.attempt, server.connections) == ("QUEUED", 0, 0)


async def test_an_email_of_a_mailbox_paused_meanwhile_is_held(worker_db: Database) -> None:
    """The gate gives it back with its cause, spends nothing, and asks for the planner."""
    async with ScriptedSmtpServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.dispatcher(None)
            async with worker_db.transaction() as conn:
                await conn.execute(update(mailboxes).values(status="PAUSED"))
            with capture_logs() as logs:
                await office.send_queued()

            email = await office.email(campaign.email_ids[0])
            enrollment = await office.enrollment(campaign.enrollment_id)
            used = await office.used(campaign.mailbox_id)

    assert (email.status, email.released_because, email.attempt) == ("PENDING", "MAILBOX_UNAVAILABLE", 0)
    assert (enrollment.planned_at, used, server.connections) == (None, [(0, 0, 0)], 0)
    email_id = str(campaign.email_ids[0])
    assert logs == [
        {"event": "email.held", "log_level": "info", "email_id": email_id, "cause": "MAILBOX_UNAVAILABLE"}
    ]


async def test_a_message_before_its_time_waits_again(worker_db: Database) -> None:
    """A retry that comes back early begins nothing and goes into the wait that covers the rest."""
    async with ScriptedSmtpServer({"RCPT": "451 4.7.1 try again later"}) as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()
            office.clock.pass_by(timedelta(minutes=4))
            await office.sender(None, [(str(campaign.email_ids[0]), 2)])
            await office.sender.drain(timeout_s=10)

            email = await office.email(campaign.email_ids[0])
            waiting = office.broker.waiting()

    assert (email.status, email.attempt, email.retry_at) == ("RETRYING", 1, MONDAY + timedelta(minutes=5))
    assert waiting == {"sender.wait.5m": 2, "sender.wait.15m": 0, "sender.wait.30m": 0}
