"""A sender that is told to stop: what it finishes, what it gives back, and what it cannot know."""

import asyncio

from domain.lifecycle import EmailEvent
from persistence.database import Database
from persistence.tables import email_events
from tests.support.post_office import Delivery, PostOffice, make_due_emails, post_office
from tests.support.slow_server import slow_server, until_status
from tests.support.smtp_server import ScriptedSmtpServer, Trouble


async def causes(office: PostOffice, event: EmailEvent) -> list[str | None]:
    columns = email_events.c
    async with office.database.transaction() as conn:
        rows = await conn.execute(email_events.select().where(columns.kind == str(event)))
        return [row.cause for row in rows]


async def test_a_reply_that_comes_in_time_is_recorded(worker_db: Database) -> None:
    """What is past its dot when the sender stops is waited for."""
    with slow_server() as (server, goes_on):
        await make_due_emails(worker_db, 1, port=server.port)
        async with post_office(worker_db) as office:
            await office.dispatcher(None)
            sending = asyncio.create_task(office.send_queued())
            await until_status(office, "COMMITTING")

            await office.sender.stop()
            goes_on.set()
            await office.sender.drain(timeout_s=10)
            await sending
            await until_status(office, "SENT")

    assert len(server.received) == 1


async def test_a_reply_that_does_not_come_in_time_leaves_a_doubt(worker_db: Database) -> None:
    """Listed at once, not only when its lease has run out; its mailbox's host is not to blame."""
    with slow_server() as (server, _):
        (email_id,) = await make_due_emails(worker_db, 1, port=server.port)
        async with post_office(worker_db) as office:
            await office.dispatcher(None)
            sending = asyncio.create_task(office.send_queued())
            await until_status(office, "COMMITTING")

            await office.sender.stop()
            await office.sender.drain(timeout_s=0.1)
            await office.sender.give_up(timeout_s=5)
            email = await office.email(email_id)
            mailbox = await office.mailbox(email.mailbox_id)
            told = await causes(office, EmailEvent.LOSE_SIGHT)
            await sending

    assert (email.status, email.lease_until, mailbox.host_troubles) == ("IN_DOUBT", None, 0)
    assert told == ["WORKER_STOPPED"]


async def test_what_is_before_its_dot_is_broken_off(worker_db: Database) -> None:
    """It is pending again at once and may go elsewhere: no retry and no crash is counted."""
    async with ScriptedSmtpServer({"RCPT": Trouble.HANG}) as server:
        (email_id,) = await make_due_emails(worker_db, 1, port=server.port)
        async with post_office(worker_db) as office:
            await office.dispatcher(None)
            sending = asyncio.create_task(office.send_queued())
            while "RCPT" not in server.verbs():
                await asyncio.sleep(0.01)

            async with asyncio.timeout(2):
                await office.sender.stop()
                await sending
            email = await office.email(email_id)
            mailbox = await office.mailbox(email.mailbox_id)
            used = await office.used(email.mailbox_id)
            told = await causes(office, EmailEvent.RELEASE)

    assert (email.status, email.retry_count, email.crashes) == ("PENDING", 0, 0)
    assert (used, mailbox.host_troubles, told) == ([(0, 0, 0)], 0, ["WORKER_STOPPED"])
    assert server.letters == []


async def test_what_waits_for_its_turn_is_left_to_others(worker_db: Database) -> None:
    """Two of three emails of a message have no place yet: the same message comes again without the first."""
    with slow_server() as (server, goes_on):
        await make_due_emails(worker_db, 3, port=server.port)
        async with post_office(worker_db, in_flight=1) as office:
            await office.dispatcher(None)
            ((dispatch_id, tickets),) = office.take_messages()
            admitting = asyncio.create_task(office.sender(dispatch_id, tickets))
            await until_status(office, "COMMITTING", "QUEUED", "QUEUED")

            async with asyncio.timeout(2):
                await office.sender.stop()
                await admitting
            left = office.take_messages()
            goes_on.set()
            await office.sender.drain(timeout_s=10)
            await office.sender(*left[0])
            again = office.take_messages()
            await until_status(office, "QUEUED", "QUEUED", "SENT")

    assert left == again == [(dispatch_id, tickets[1:])]
    assert len(server.received) == 1


async def test_an_email_that_a_worker_died_of_has_nobody_beside_it(worker_db: Database) -> None:
    """It begins when all others are done, and nobody begins before it is: its neighbours do not pay."""
    with slow_server() as (server, goes_on):
        first, suspect, last = await make_due_emails(worker_db, 3, port=server.port)
        async with post_office(worker_db, in_flight=3) as office:
            await office.dispatcher(None)
            office.take_messages()
            messages: list[Delivery] = [
                (None, [(str(first), 1)]),
                (None, [(str(suspect), 1)], True),
                (None, [(str(last), 1)]),
            ]
            await office.sender(*messages[0])
            await until_status(office, "COMMITTING", "QUEUED", "QUEUED")
            waiting = [asyncio.create_task(office.sender(*message)) for message in messages[1:]]
            await asyncio.sleep(0.2)
            beside_first = [(await office.email(each)).status for each in (first, suspect, last)]
            goes_on.set()
            await asyncio.gather(*waiting)
            await office.sender.drain(timeout_s=10)

            ended_at = [(await office.email(each)).updated_at for each in (first, suspect, last)]

    assert beside_first == ["COMMITTING", "QUEUED", "QUEUED"]
    assert (ended_at, len(server.received)) == (sorted(ended_at), 3)
