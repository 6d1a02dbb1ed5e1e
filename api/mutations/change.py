"""Changes: what a mutation does in one transaction, and the things of the API as they are in it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.context import Context
from api.types.batch import Batch
from api.types.contact import Contact
from api.types.enrollment import Enrollment
from api.types.mailbox import Mailbox
from api.types.recalculation import Recalculation
from api.types.scheduled_email import ScheduledEmail
from api.types.sequence import Sequence
from api.types.step import Step
from domain.ids import MailboxId, SequenceId
from domain.recalculations import RecalculationCause
from persistence.reading.batches import batches_by_id
from persistence.reading.contacts import contacts_by_id
from persistence.reading.enrollments import enrollments_by_id
from persistence.reading.mailboxes import mailboxes_by_id
from persistence.reading.recalculations import recalculations_by_id
from persistence.reading.scheduled_emails import emails_by_id
from persistence.reading.sequences import sequences_by_id, steps_by_id
from persistence.recalculation_requests import request_recalculation


class Change:
    """One mutation's transaction: who makes it and when, and the things of the API as they are in it."""

    def __init__(self, conn: AsyncConnection, context: Context, now: datetime) -> None:
        self.conn = conn
        self.now = now
        self.workspace_id = context.workspace_id
        self._actor = context.actor

    async def sequence(self, sequence_id: UUID) -> Sequence:
        (row,) = await sequences_by_id(self.conn, self.workspace_id, [sequence_id])
        return Sequence.of(row)

    async def batch(self, batch_id: UUID) -> Batch:
        (row,) = await batches_by_id(self.conn, self.workspace_id, [batch_id])
        return Batch.of(row)

    async def step(self, step_id: UUID) -> Step:
        (row,) = await steps_by_id(self.conn, self.workspace_id, [step_id])
        return Step.of(row)

    async def mailbox(self, mailbox_id: UUID) -> Mailbox:
        (row,) = await mailboxes_by_id(self.conn, self.workspace_id, [mailbox_id])
        return Mailbox.of(row)

    async def contact(self, contact_id: UUID) -> Contact:
        (row,) = await contacts_by_id(self.conn, self.workspace_id, [contact_id])
        return Contact.of(row)

    async def enrollment(self, enrollment_id: UUID) -> Enrollment:
        (row,) = await enrollments_by_id(self.conn, self.workspace_id, [enrollment_id])
        return Enrollment.of(row)

    async def email(self, email_id: UUID) -> ScheduledEmail:
        (row,) = await emails_by_id(self.conn, self.workspace_id, [email_id])
        return ScheduledEmail.of(row)

    async def recalculate(
        self,
        cause: RecalculationCause,
        *,
        sequence_id: SequenceId | None = None,
        mailbox_id: MailboxId | None = None,
        details: Mapping[str, object] | None = None,
    ) -> Recalculation:
        """Ask for the replan that this change makes necessary."""
        recalculation_id = await request_recalculation(
            self.conn,
            self.workspace_id,
            cause=cause,
            sequence_id=sequence_id,
            mailbox_id=mailbox_id,
            details=details,
            requested_by=self._actor,
            now=self.now,
        )
        (row,) = await recalculations_by_id(self.conn, self.workspace_id, [recalculation_id])
        return Recalculation.of(row)


@asynccontextmanager
async def changing(context: Context) -> AsyncIterator[Change]:
    """Begin a change; it is committed at the end of the block, or not at all when the block raises."""
    # Before the transaction: the clock may need a connection of its own.
    now = await context.now()
    async with context.transaction() as conn:
        yield Change(conn, context, now)
