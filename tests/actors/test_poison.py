"""An email that ends its worker each time: it dies alone, and those who were with it at first do not pay."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, update

from domain.ids import EmailId
from persistence.database import Database
from persistence.rescue import CRASHES_ALLOWED
from persistence.tables import mailboxes, scheduled_emails
from tests.support.post_office import PostOffice, make_due_emails, post_office
from tests.support.slow_server import statuses_of
from tests.support.smtp_server import ScriptedSmtpServer, Trouble


async def test_a_poison_email_dies_alone_and_takes_nobody_along(worker_db: Database) -> None:
    """The first death takes all in flight back into the plan, each later one the poison alone."""
    async with ScriptedSmtpServer({"RCPT": Trouble.HANG}) as deadly, ScriptedSmtpServer() as harmless:
        poison, *neighbours = await make_due_emails(worker_db, 4, port=harmless.port)
        await route(worker_db, poison, port=deadly.port)
        harmless.next_answers["RCPT"] = [Trouble.HANG] * len(neighbours)
        async with post_office(worker_db) as worker:
            await take_all(worker)
            await until(worker, {"SENDING": 4})
            await reached(deadly, 1)
            await reached(harmless, len(neighbours))
            await die(worker)
        after_first = [(await worker.email(each)).crashes for each in (poison, *neighbours)]

        for number in range(CRASHES_ALLOWED):
            async with post_office(worker_db) as worker:
                worker.clock.pass_by(timedelta(seconds=10 * (number + 1)))
                # Those that are well first, or the poison would hold them up for as long as it hangs.
                await take_all(worker, last=poison)
                await until(worker, {"SENT": 3, "SENDING": 1})
                await reached(deadly, number + 2)
                await die(worker)
            assert (await worker.email(poison)).crashes == min(number + 2, CRASHES_ALLOWED)

    email = await worker.email(poison)
    assert after_first == [1] * 4
    assert (email.status, email.failure_reason, deadly.letters) == ("FAILED", "POISON", [])
    assert [(await worker.email(each)).status for each in neighbours] == ["SENT"] * 3
    assert (len(harmless.letters), deadly.connections) == (3, 1 + CRASHES_ALLOWED)


async def route(database: Database, email_id: EmailId, *, port: int) -> None:
    """Have the mailbox of *email_id* hand its emails over at *port*."""
    of_email = scheduled_emails.c.id == email_id
    async with database.transaction() as conn:
        await conn.execute(
            update(mailboxes)
            .where(mailboxes.c.id == scheduled_emails.c.mailbox_id, of_email)
            .values(port=port)
        )


async def take_all(worker: PostOffice, *, last: EmailId | None = None) -> None:
    """Dispatch what is due, and admit it all; the message of *last* after the others."""
    await worker.dispatcher(None)
    messages = worker.take_messages()
    for message in sorted(messages, key=lambda message: _is_about(message[1], last)):
        await worker.sender(*message)


def _is_about(tickets: Sequence[tuple[str, int]], email_id: EmailId | None) -> bool:
    return any(ticket == str(email_id) for ticket, _ in tickets)


async def until(worker: PostOffice, counts: dict[str, int]) -> None:
    wanted = sorted(status for status, count in counts.items() for _ in range(count))
    async with asyncio.timeout(20):
        while await statuses_of(worker) != wanted:
            await asyncio.sleep(0.02)


async def reached(server: ScriptedSmtpServer, emails: int) -> None:
    """Wait until *server* has heard of the recipients of so many *emails*."""
    async with asyncio.timeout(20):
        while server.verbs().count("RCPT") < emails:
            await asyncio.sleep(0.02)


async def die(worker: PostOffice) -> None:
    """End what *worker* does as SIGKILL would; its leases run out, and somebody notices."""
    dying = set(worker.sender._sending)
    for task in dying:
        task.cancel()
    await asyncio.wait(dying)
    async with worker.database.transaction() as conn:
        await conn.execute(
            update(scheduled_emails)
            .where(scheduled_emails.c.status == "SENDING")
            .values(lease_until=func.clock_timestamp())
        )
    await worker.rescuer(None)
