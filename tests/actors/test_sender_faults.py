"""The sender in trouble: what befalls an email on its way, and how many letters leave at the same time."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from typing_extensions import override

from actors.endpoints import Endpoint
from actors.ledger import Ledger
from domain.lifecycle import ContactEvent, EnrollmentEvent
from domain.mailboxes import Security
from persistence.commits import Committing
from persistence.database import Database
from persistence.suppressions import SuppressionReason, stop_contact
from persistence.tables import dispatches
from tests.support.pools import under_way
from tests.support.post_office import PostOffice, make_campaign, make_due_emails, post_office
from tests.support.postgres import database_gone
from tests.support.slow_server import slow_server, until_status
from tests.support.smtp_server import ScriptedSmtpServer, Trouble
from tests.support.world import MONDAY


class OvertakenLedger(Ledger):
    """Somebody unsubscribes while the body is on its way, a moment before the point of no return."""

    @override
    async def commit(self, committing: Committing) -> bool:
        async with self._database.transaction() as conn:
            await stop_contact(
                conn,
                workspace_id=committing.attempt.workspace_id,
                contact_id=committing.attempt.contact_id,
                contact_event=ContactEvent.UNSUBSCRIBE,
                enrollment_event=EnrollmentEvent.UNSUBSCRIBE,
                reason=SuppressionReason.UNSUBSCRIBED,
                email_id=None,
                now=MONDAY,
            )
        return await super().commit(committing)


async def test_an_unsubscription_before_the_dot_withholds_it(worker_db: Database) -> None:
    """The server has the body and no dot; the email is CANCELLED and its budget given back once."""
    async with ScriptedSmtpServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db, ledger_of=OvertakenLedger) as office:
            await office.send_due()

            email, second = [await office.email(email_id) for email_id in campaign.email_ids]
            enrollment = await office.enrollment(campaign.enrollment_id)
            used = await office.used(campaign.mailbox_id)

    assert (server.verbs()[-1], server.letters) == ("DATA", [])
    assert (email.status, email.sent_at, second.status) == ("CANCELLED", None, "CANCELLED")
    assert (enrollment.status, used) == ("UNSUBSCRIBED", [(0, 0, 0)])


async def test_silence_after_the_dot_is_a_doubt(worker_db: Database) -> None:
    """IN_DOUBT keeps its budget and is never sent again by itself; the sequence goes on from it."""
    async with ScriptedSmtpServer({"DOT": Trouble.DROP}) as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()
            await office.wait_and_send(timedelta(hours=1))

            email = await office.email(campaign.email_ids[0])
            enrollment = await office.enrollment(campaign.enrollment_id)
            used = await office.used(campaign.mailbox_id)

    assert (email.status, email.committing_at, email.retry_count) == ("IN_DOUBT", MONDAY, 0)
    assert (enrollment.status, enrollment.next_position, used) == ("ACTIVE", 2, [(1, 0, 0)])
    assert len(server.letters) == 1


async def test_a_sender_that_slept_sends_no_dot(worker_db: Database) -> None:
    """Past its trust window a mark counts no more: the rescue may have it. Nothing was handed over."""
    hours = iter([0.0, 3600.0])
    async with ScriptedSmtpServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db, boot_time=partial(next, hours)) as office:
            await office.send_due()

            email = await office.email(campaign.email_ids[0])
            used = await office.used(campaign.mailbox_id)

    assert (server.verbs()[-1], server.letters) == ("DATA", [])
    assert (email.status, email.retry_count, email.attempt) == ("RETRYING", 0, 1)
    assert used == [(0, 0, 0)]


class UncertainLedger(Ledger):
    """The mark is written, and the connection ends before anybody hears of it, the first time."""

    @override
    async def _commit(self, group: Sequence[Committing]) -> Sequence[bool]:
        marks = await super()._commit(group)
        if any(each.attempt.number == 1 for each in group):
            raise OperationalError("COMMIT", {}, ConnectionResetError("the server closed the connection"))
        return marks


async def test_a_mark_of_which_nobody_heard_sends_no_dot_and_is_no_doubt(worker_db: Database) -> None:
    """The email was not handed over, so it is not listed as one that might have been: it comes again."""
    async with ScriptedSmtpServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db, ledger_of=UncertainLedger) as office:
            await office.send_due()
            before = await office.email(campaign.email_ids[0])
            withheld = (server.verbs()[-1], len(server.letters))
            await office.wait_and_send(timedelta(minutes=5))
            after = await office.email(campaign.email_ids[0])
            used = await office.used(campaign.mailbox_id)

    assert (before.status, before.retry_count, before.crashes, withheld) == ("RETRYING", 0, 0, ("DATA", 0))
    assert (after.status, after.attempt, len(server.letters), used) == ("SENT", 2, 1, [(1, 1, 0)])


async def test_an_acceptance_is_recorded_when_the_database_returns(
    worker_db: Database, postgres_url: str, database_url: str
) -> None:
    """While the 250 comes in, the database takes no connections; the email is SENT all the same."""
    with slow_server() as (server, goes_on):
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.dispatcher(None)
            sending = asyncio.create_task(office.send_queued())
            await until_status(office, "COMMITTING", "PENDING")
            with capture_logs() as logs:
                with database_gone(postgres_url, database_url):
                    goes_on.set()
                    while not any(log["event"] == "results.delayed" for log in logs):
                        await asyncio.sleep(0.01)
                await sending
            email = await office.email(campaign.email_ids[0])
            enrollment = await office.enrollment(campaign.enrollment_id)

    assert (email.status, email.attempt, len(server.received)) == ("SENT", 1, 1)
    assert enrollment.next_position == 2


async def test_a_message_ends_when_its_emails_are_admitted(worker_db: Database) -> None:
    """Three places and three emails: the message is done while the server still thinks about all of them."""
    with slow_server() as (server, goes_on):
        await make_due_emails(worker_db, 3, port=server.port)
        async with post_office(worker_db, in_flight=3) as office:
            await office.dispatcher(None)
            ((dispatch_id, tickets),) = office.take_messages()

            await office.sender(dispatch_id, tickets)
            ended_first = not server.received
            goes_on.set()
            await office.sender.drain(timeout_s=10)
            taken_and_processed = await dispatch_times(office)

    assert (ended_first, len(server.received)) == (True, 3)
    assert None not in taken_and_processed


async def test_a_sender_has_so_many_emails_in_flight_at_most(worker_db: Database) -> None:
    """Two places and three emails: the third begins when one of the others is done."""
    with slow_server() as (server, goes_on):
        await make_due_emails(worker_db, 3, port=server.port)
        async with post_office(worker_db, in_flight=2) as office:
            await office.dispatcher(None)
            admitting = asyncio.create_task(office.send_queued())
            await until_status(office, "COMMITTING", "COMMITTING", "QUEUED")
            waits = not admitting.done()
            goes_on.set()
            await admitting
            await until_status(office, "SENT", "SENT", "SENT")

    assert (waits, len(server.received)) == (True, 3)


async def test_an_email_that_gets_no_connection_is_held_up_by_its_host(worker_db: Database) -> None:
    """Two replies are waited for, beyond their leases; the third email comes back, and nothing crashed."""
    async with ScriptedSmtpServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        endpoint = Endpoint("127.0.0.1", server.port, Security.NONE)
        async with post_office(worker_db, timeout_s=0.3) as office:
            letters = [under_way(office.pool, campaign.mailbox_id, endpoint) for _ in range(2)]
            async with letters[0], letters[1]:
                await office.send_due()
            held_up = await office.email(campaign.email_ids[0])
            await office.wait_and_send(timedelta(minutes=5))
            sent = await office.email(campaign.email_ids[0])

    assert (held_up.status, held_up.retry_count, held_up.crashes) == ("RETRYING", 0, 0)
    assert held_up.last_error == f"127.0.0.1 port {server.port} did not answer in time at CONNECT."
    assert (sent.status, len(server.letters)) == ("SENT", 3)


async def test_an_email_that_has_to_be_alone_does_not_wait_for_a_slow_reply(worker_db: Database) -> None:
    """It stays queued until its lease ends; what comes after it is sent."""
    with slow_server() as (server, goes_on):
        first, suspect, later = await make_due_emails(worker_db, 3, port=server.port)
        async with post_office(worker_db, in_flight=3, alone_within_s=0.05) as office:
            await office.dispatcher(None)
            ((dispatch_id, tickets),) = office.take_messages()
            number_of = dict(tickets)
            await office.sender(None, [(str(first), number_of[str(first)])])
            await until_status(office, "COMMITTING", "QUEUED", "QUEUED")
            await office.sender(dispatch_id, [(str(suspect), number_of[str(suspect)])], True)
            await office.sender(None, [(str(later), number_of[str(later)])])
            await until_status(office, "COMMITTING", "QUEUED", "COMMITTING")
            waits = (await office.email(suspect)).status
            goes_on.set()
            await until_status(office, "SENT", "QUEUED", "SENT")
            # That a batch is done is noted a moment later, with others.
            async with asyncio.timeout(10):
                while None in await dispatch_times(office):
                    await asyncio.sleep(0.02)

    assert waits == "QUEUED"


async def test_a_drain_waits_for_what_is_on_its_way(worker_db: Database) -> None:
    """As long as it may; what is late then is told of, and goes on."""
    with slow_server() as (server, goes_on):
        await make_due_emails(worker_db, 1, port=server.port)
        async with post_office(worker_db) as office:
            await office.dispatcher(None)
            ((_, tickets),) = office.take_messages()
            await office.sender(None, tickets)
            with capture_logs() as logs:
                await office.sender.drain(timeout_s=0.05)
            goes_on.set()
            await office.sender.drain(timeout_s=10)
            await until_status(office, "SENT")

    assert [log for log in logs if log["event"] == "sender.stopped_early"] == [
        {"event": "sender.stopped_early", "log_level": "warning", "emails": 1}
    ]
    assert len(server.received) == 1


async def dispatch_times(office: PostOffice) -> tuple[Any, ...]:
    async with office.database.transaction() as conn:
        return tuple((await conn.execute(select(dispatches.c.taken_at, dispatches.c.processed_at))).one())


async def test_a_fault_of_the_network_is_told_as_a_test_of_the_mailbox_tells_it(worker_db: Database) -> None:
    """In words for whoever owns the mailbox, and not in those of the operating system."""
    async with ScriptedSmtpServer({"DATA": Trouble.DROP}) as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()
            email = await office.email(campaign.email_ids[0])

    assert email.status == "RETRYING"
    assert email.last_error == f"127.0.0.1 port {server.port} closed the connection at DATA."
