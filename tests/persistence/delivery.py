"""One workspace on its way: emails that are due, and the protocol that takes them from row to row."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, delete, func, insert, select, text, update

from domain.ids import EmailId, EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.letter import Letter
from domain.lifecycle import EmailEvent
from persistence.attempts import Admission, Attempt, Ticket
from persistence.claims import Claimed, claim_due
from persistence.commits import Committing, mark_committing
from persistence.database import Database
from persistence.gate import begin_attempts
from persistence.results import Result, end_attempts
from persistence.tables import (
    email_events,
    enrollments,
    letters,
    mailbox_days,
    recalculations,
    scheduled_emails,
    sequence_mailboxes,
)
from tests.support.world import (
    MONDAY,
    make_contact,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

NOW = MONDAY
TODAY = MONDAY.date()
LEASE = timedelta(minutes=2)
MINUTE = timedelta(minutes=1)


def at(hour: int, minute: int = 0, *, day: int = 2) -> datetime:
    """A time of day in March 2026, in UTC; the 2nd is `MONDAY`."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


class Delivery:
    """An active sequence with one mailbox, and what dispatcher and sender do with its emails."""

    def __init__(
        self, db: Database, workspace_id: WorkspaceId, mailbox_id: MailboxId, sequence_id: SequenceId
    ) -> None:
        self.db = db
        self.workspace_id = workspace_id
        self.mailbox_id = mailbox_id
        self.sequence_id = sequence_id

    async def due(self, count: int = 1, **overrides: Any) -> list[EmailId]:
        """Emails of the first step, each of a new contact, PENDING at `NOW`."""
        return [await self.add(**overrides) for _ in range(count)]

    async def add(
        self,
        enrollment_id: EnrollmentId | None = None,
        *,
        mailbox_id: MailboxId | None = None,
        enrollment: dict[str, Any] | None = None,
        contact: dict[str, Any] | None = None,
        **email: Any,
    ) -> EmailId:
        """An email of *enrollment_id*, or of a new contact's; from its mailbox unless another is given."""
        async with self.db.transaction() as conn:
            if enrollment_id is None:
                contact_id = await make_contact(conn, self.workspace_id, **(contact or {}))
                ordinary = {"mailbox_id": mailbox_id or self.mailbox_id, "planned_at": NOW}
                enrollment_id = await make_enrollment(
                    conn, self.workspace_id, self.sequence_id, contact_id, **ordinary | (enrollment or {})
                )
            elif mailbox_id is not None:
                email["mailbox_id"] = mailbox_id
            return await make_email(conn, enrollment_id, **email)

    async def mailbox(self, **overrides: Any) -> MailboxId:
        async with self.db.transaction() as conn:
            ordinary = {"minimum_gap_s": 0}
            return await make_mailbox(conn, self.workspace_id, **ordinary | overrides)

    async def link_only(self, mailbox_id: MailboxId) -> None:
        """Have *mailbox_id* alone serve the sequence."""
        link = {"workspace_id": self.workspace_id, "sequence_id": self.sequence_id, "mailbox_id": mailbox_id}
        async with self.db.transaction() as conn:
            await conn.execute(text("SET LOCAL ROLE none"))
            await conn.execute(delete(sequence_mailboxes))
            await conn.execute(insert(sequence_mailboxes).values(link))

    async def claim(self, *, now: datetime = NOW, limit: int = 100) -> Sequence[Claimed]:
        async with self.db.transaction() as conn:
            claims = await claim_due(conn, now=now, limit=limit, most_queued=1_000, lease=LEASE)
            return claims.emails

    async def claimed(self, *, now: datetime = NOW, limit: int = 100) -> list[EmailId]:
        return [each.email_id for each in await self.claim(now=now, limit=limit)]

    async def under_way(self, *, now: datetime = NOW) -> tuple[int, int]:
        """Claimed and not yet begun, and begun, as a claim counts them that may take nothing."""
        async with self.db.transaction() as conn:
            claims = await claim_due(conn, now=now, limit=0, most_queued=1_000, lease=LEASE)
        return claims.queued, claims.begun

    async def begin(
        self, *tickets: Ticket, now: datetime = NOW, lease: timedelta = LEASE
    ) -> dict[EmailId, Admission]:
        async with self.db.transaction() as conn:
            return await begin_attempts(conn, tickets, now=now, lease=lease)

    async def begun(self, email_id: EmailId, *, now: datetime = NOW, lease: timedelta = LEASE) -> Attempt:
        """An attempt at *email_id*, whatever it takes to get there."""
        if (await self.email(email_id)).status == "PENDING":
            await self.claim(now=now)
        ticket = Ticket(email_id, (await self.email(email_id)).attempt + 1)
        admission = (await self.begin(ticket, now=now, lease=lease))[email_id]
        assert isinstance(admission, Attempt), admission
        return admission

    async def commit(
        self, *attempts: Attempt, now: datetime = NOW, lease: timedelta = LEASE
    ) -> frozenset[EmailId]:
        async with self.db.transaction() as conn:
            group = [Committing(attempt, letter_of(attempt)) for attempt in attempts]
            return await mark_committing(conn, group, now=now, lease=lease)

    async def committed(self, email_id: EmailId, *, now: datetime = NOW) -> Attempt:
        attempt = await self.begun(email_id, now=now)
        assert await self.commit(attempt, now=now) == {email_id}
        return attempt

    async def end(self, *results: Result, now: datetime = NOW) -> frozenset[EmailId]:
        async with self.db.transaction() as conn:
            return await end_attempts(conn, results, now=now)

    async def sent(self, email_id: EmailId, *, now: datetime = NOW) -> Attempt:
        attempt = await self.committed(email_id, now=now)
        assert await self.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250), now=now) == {email_id}
        return attempt

    async def expire(self, *email_ids: EmailId) -> None:
        """Let the leases of *email_ids* run out by the database's clock."""
        for email_id in email_ids:
            await self.change(scheduled_emails, email_id, lease_until=func.clock_timestamp() - MINUTE)

    async def change(self, table: Table, row_id: UUID, **values: Any) -> None:
        """Change a row past grants and statuses."""
        async with self.db.transaction() as conn:
            await conn.execute(text("SET LOCAL ROLE none"))
            await conn.execute(update(table).where(table.c.id == row_id).values(values))

    # Any: rows have the columns of their tables.
    async def email(self, email_id: EmailId) -> Row[Any]:
        return (await self._rows(select(scheduled_emails).where(scheduled_emails.c.id == email_id)))[0]

    async def letter(self, email_id: EmailId) -> tuple[str, str | None] | None:
        """Text and HTML as they were written, if they were."""
        written = select(letters.c.body_text, letters.c.body_html).where(letters.c.email_id == email_id)
        return next(((row.body_text, row.body_html) for row in await self._rows(written)), None)

    async def enrollment_of(self, email_id: EmailId) -> Row[Any]:
        owner = select(scheduled_emails.c.enrollment_id).where(scheduled_emails.c.id == email_id)
        return (await self._rows(select(enrollments).where(enrollments.c.id == owner.scalar_subquery())))[0]

    async def follow_up_of(self, email_id: EmailId) -> EmailId:
        """The one that is planned after *email_id*."""
        owner = (await self.email(email_id)).enrollment_id
        columns = scheduled_emails.c
        planned = select(columns.id).where(columns.enrollment_id == owner, columns.status == "PENDING")
        ((follow_up,),) = await self._rows(planned)
        return EmailId(follow_up)

    async def statuses(self, *email_ids: EmailId) -> list[str]:
        return [(await self.email(email_id)).status for email_id in email_ids]

    async def day(
        self, day: date = TODAY, mailbox_id: MailboxId | None = None
    ) -> tuple[int, int, int, int] | None:
        """Capacity, used, sent and failed of a mailbox's day; None when nothing was counted on it."""
        columns = mailbox_days.c
        rows = await self._rows(
            select(columns.capacity, columns.used, columns.sent, columns.failed).where(
                columns.mailbox_id == (mailbox_id or self.mailbox_id), columns.day == day
            )
        )
        return (rows[0].capacity, rows[0].used, rows[0].sent, rows[0].failed) if rows else None

    async def events(self, email_id: EmailId) -> list[tuple[str, str | None]]:
        """Kind and cause of everything that happened to *email_id*, in order."""
        columns = email_events.c
        rows = await self._rows(
            select(columns.kind, columns.cause).where(columns.email_id == email_id).order_by(columns.id)
        )
        return [(row.kind, row.cause) for row in rows]

    async def requested(self) -> list[tuple[str, UUID | None, str]]:
        """Cause, mailbox and requester of every recalculation."""
        columns = recalculations.c
        rows = await self._rows(
            select(columns.cause, columns.mailbox_id, columns.requested_by).order_by(columns.id)
        )
        return [(row.cause, row.mailbox_id, row.requested_by) for row in rows]

    async def _rows(self, statement: Any) -> Sequence[Row[Any]]:
        async with self.db.transaction() as conn:
            rows: Sequence[Row[Any]] = (await conn.execute(statement)).all()
            return rows


async def make_delivery(db: Database, **sequence: Any) -> Delivery:
    """Two steps, the second two days after the first; a mailbox of 30 a day in UTC, without a gap."""
    async with db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = await make_mailbox(conn, workspace_id, minimum_gap_s=0)
        sequence_id = await make_sequence(conn, workspace_id, mailboxes=[mailbox_id], **sequence)
    return Delivery(db, workspace_id, mailbox_id, sequence_id)


def letter_of(attempt: Attempt) -> Letter:
    """A letter as it would be written for *attempt*, of a thread of its own."""
    return Letter(
        message_id=attempt.message_id,
        subject="Welcome, Ada",
        text="Hello",
        html=None,
        references=(),
        parent=None,
        sender_address=attempt.from_address,
        recipient_address=attempt.recipient_address,
        content=b"",
    )
