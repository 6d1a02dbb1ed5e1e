"""A dispatcher and a sender with their real tools, for the tests that follow emails on their way."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dramatiq import Message
from sqlalchemy import Row, select

from actors.access_tokens import AccessTokens
from actors.dispatcher import Dispatcher, Rescuer
from actors.in_process_broker import InProcessBroker
from actors.ledger import Ledger
from actors.letters import LetterWriter
from actors.publisher import Publisher
from actors.queues import SENDER
from actors.sender import Sender
from actors.smtp_pool import ConnectionPool
from domain.delivery import RETRY_SCHEDULE
from domain.ids import EmailId, EnrollmentId, MailboxId, WorkspaceId
from persistence.database import Database
from persistence.ids import uuid7
from persistence.tables import contacts, enrollments, letters, mailbox_days, mailboxes, scheduled_emails
from persistence.vault import Vault
from tests.support.handovers import LOOPBACK
from tests.support.standing_clock import StandingClock
from tests.support.world import (
    MONDAY,
    make_contact,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

LEASE = timedelta(seconds=60)
GRACE = timedelta(minutes=2)
VAULT = Vault(b"the secret key of the tests")
PUBLIC_URL = "https://mail.example.com"
ADDRESS = "contact@example.test"
# Any: a message as the sender gets it: the dispatch it belongs to, and pairs of an email and its attempt; and
# True if each of these goes alone.
Delivery = tuple[Any, ...]


@dataclass(frozen=True)
class PostOffice:
    """Nothing moves by itself: a test claims, takes messages from the queue and has them sent."""

    database: Database
    clock: StandingClock
    broker: InProcessBroker
    dispatcher: Dispatcher
    rescuer: Rescuer
    sender: Sender
    pool: ConnectionPool

    async def send_due(self) -> None:
        """Claim what is due and send it, as the queue has it, to the end."""
        await self.dispatcher(None)
        await self.send_queued()

    async def send_queued(self) -> None:
        for message in self.take_messages():
            await self.sender(*message)
        await self.sender.drain(timeout_s=10)

    async def wait_and_send(self, wait: timedelta) -> None:
        """Let *wait* pass, and send what comes back from the waits then."""
        self.clock.pass_by(wait)
        self.broker.release_due(self.clock.present)
        await self.send_queued()

    def take_messages(self) -> list[Delivery]:
        """What the sender's queue holds; it is empty then."""
        queue = self.broker.queues[SENDER]
        messages = [Message.decode(queue.get_nowait()) for _ in range(queue.qsize())]
        return [
            (dispatch_id, [(email_id, number) for email_id, number in tickets], *alone)
            for dispatch_id, tickets, *alone in (message.args for message in messages)
        ]

    async def email(self, email_id: EmailId) -> Row[Any]:
        return await self._row(scheduled_emails, email_id)

    async def letter(self, email_id: EmailId) -> Row[Any]:
        async with self.database.transaction() as conn:
            return (await conn.execute(select(letters).where(letters.c.email_id == email_id))).one()

    async def enrollment(self, enrollment_id: EnrollmentId) -> Row[Any]:
        return await self._row(enrollments, enrollment_id)

    async def mailbox(self, mailbox_id: MailboxId) -> Row[Any]:
        return await self._row(mailboxes, mailbox_id)

    async def contact_status(self) -> str:
        """The status of the only contact there is."""
        async with self.database.transaction() as conn:
            return str(await conn.scalar(select(contacts.c.status)))

    async def used(self, mailbox_id: MailboxId) -> list[tuple[int, int, int]]:
        """What the days of a mailbox count, soonest first: used, sent, failed."""
        columns = mailbox_days.c
        counts = select(columns.used, columns.sent, columns.failed).where(columns.mailbox_id == mailbox_id)
        async with self.database.transaction() as conn:
            rows = await conn.execute(counts.order_by(columns.day))
            return [(row.used, row.sent, row.failed) for row in rows]

    # Any: a row has the columns of its table.
    async def _row(self, table: Any, row_id: Any) -> Row[Any]:
        async with self.database.transaction() as conn:
            return (await conn.execute(select(table).where(table.c.id == row_id))).one()


@asynccontextmanager
async def post_office(
    database: Database,
    *,
    ledger_of: Callable[..., Ledger] = Ledger,
    in_flight: int = 10,
    most_queued: int = 1000,
    timeout_s: float = 5,
    tls_context: ssl.SSLContext | None = None,
    tokens: AccessTokens | None = None,
    **options: Any,
) -> AsyncIterator[PostOffice]:
    """*ledger_of* makes the sender's ledger; *options* are more of its sender's."""
    clock = StandingClock()
    broker = InProcessBroker(retry_schedule=RETRY_SCHEDULE, now=lambda: clock.present)
    broker.declare_all()
    publisher = Publisher(broker)
    pool = ConnectionPool(total=in_flight, allow=LOOPBACK, tls_context=tls_context, tokens=tokens)
    sender = Sender(
        ledger=ledger_of(database, clock, lease=LEASE),
        letters=LetterWriter(public_url=PUBLIC_URL, token_key=VAULT.derive("unsubscribe")),
        pool=pool,
        publisher=publisher,
        vault=VAULT,
        clock=clock,
        schedule=RETRY_SCHEDULE,
        in_flight=in_flight,
        timeout_s=timeout_s,
        **options,
    )
    dispatcher = Dispatcher(
        database=database, publisher=publisher, clock=clock, lease=LEASE, most_queued=most_queued
    )
    rescuer = Rescuer(database=database, publisher=publisher, clock=clock, grace=GRACE)
    try:
        yield PostOffice(database, clock, broker, dispatcher, rescuer, sender, pool)
    finally:
        await sender.drain(timeout_s=5)
        await pool.aclose(timeout_s=0.2)
        await publisher.close()


@dataclass(frozen=True)
class Campaign:
    """One contact in a sequence of two steps; the second one leaves two days after the first."""

    workspace_id: WorkspaceId
    mailbox_id: MailboxId
    enrollment_id: EnrollmentId
    email_ids: tuple[EmailId, EmailId]


async def make_campaign(
    database: Database,
    *,
    port: int,
    contact: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    password: str | None = None,
    **overrides: Any,
) -> Campaign:
    """
    Make one that is planned for `MONDAY` and the Wednesday after.

    *overrides* are of the mailbox, its *password* in clear; those in *policy* are of the sequence.
    """
    async with database.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = overrides.pop("id", None) or MailboxId(uuid7())
        if password is not None:
            overrides |= {
                "username": "sender",
                "password_encrypted": VAULT.encrypt(password, row_id=mailbox_id),
            }
        await make_mailbox(
            conn,
            workspace_id,
            id=mailbox_id,
            port=port,
            email="me@example.com",
            from_name="Welcome",
            **overrides,
        )
        sequence_id = await make_sequence(conn, workspace_id, mailboxes=[mailbox_id], **(policy or {}))
        contact_id = await make_contact(
            conn, workspace_id, **({"email": ADDRESS, "first_name": "Reader"} | (contact or {}))
        )
        enrollment_id = await make_enrollment(
            conn, workspace_id, sequence_id, contact_id, mailbox_id=mailbox_id, planned_at=MONDAY
        )
        first = await make_email(conn, enrollment_id)
        second = await make_email(conn, enrollment_id, position=2, send_at=MONDAY + timedelta(days=2))
    return Campaign(workspace_id, mailbox_id, enrollment_id, (first, second))


async def make_due_emails(
    database: Database, number: int, *, port: int = 2525, **overrides: Any
) -> list[EmailId]:
    """*number* emails that are due at `MONDAY`, each to a contact and from a mailbox of its own."""
    async with database.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id, steps=[(0, "Welcome", "Hello")])
        email_ids = []
        for _ in range(number):
            mailbox_id = await make_mailbox(conn, workspace_id, port=port)
            enrollment_id = await make_enrollment(
                conn, workspace_id, sequence_id, mailbox_id=mailbox_id, planned_at=MONDAY
            )
            email_ids.append(await make_email(conn, enrollment_id, **overrides))
    return email_ids
