"""Changes: what a mutation does in one transaction, and the things of the API as they are in it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.context import Context
from api.inputs.rehearsals import Rehearsable
from api.plan_previews import check_kept, promised, shown
from api.types.batch import Batch
from api.types.contact import Contact
from api.types.enrollment import Enrollment
from api.types.mailbox import Mailbox
from api.types.plan_preview import PlanPreview
from api.types.recalculation import Recalculation
from api.types.scheduled_email import ScheduledEmail
from api.types.sequence import Sequence
from api.types.step import Step
from domain.ids import EnrollmentId, MailboxId, SequenceId
from domain.rebalances import Promise, RebalanceScope
from domain.recalculations import RecalculationCause
from persistence.reading.batches import batches_by_id
from persistence.reading.contacts import contacts_by_id
from persistence.reading.enrollments import enrollments_by_id
from persistence.reading.mailboxes import mailboxes_by_id
from persistence.reading.recalculations import recalculations_by_id
from persistence.reading.scheduled_emails import emails_by_id
from persistence.reading.sequences import sequences_by_id, steps_by_id
from persistence.rebalance_preview import Rebalance, draft_rebalance
from persistence.recalculation_requests import request_recalculation
from persistence.replan_scopes import ReplanRequest, replan_scope


class Change:
    """
    One mutation's transaction: who makes it and when, and the things of the API as they are in it.

    In a rehearsal *preview* says what it does to the plan, if anything is planned that may change.
    """

    def __init__(
        self,
        conn: AsyncConnection,
        context: Context,
        now: datetime,
        *,
        is_rehearsal: bool = False,
        promise: Promise | None = None,
    ) -> None:
        self.conn = conn
        self.now = now
        self.workspace_id = context.workspace_id
        self.preview: PlanPreview | None = None
        self._context = context
        self._is_rehearsal = is_rehearsal
        # What the plan has to become; kept when it was seen to.
        self._promise = promise

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
        enrollment_id: EnrollmentId | None = None,
        details: Mapping[str, object] | None = None,
    ) -> Recalculation | None:
        """Ask for the replan that this change makes necessary; a rehearsal only looks at it."""
        request = ReplanRequest.after(
            cause, sequence_id=sequence_id, mailbox_id=mailbox_id, enrollment_id=enrollment_id
        )
        if enrollment_id is not None:
            details = {**(details or {}), "enrollment_id": str(enrollment_id)}
        if self._is_rehearsal:
            draft = await self._draft(request, as_of=self.now)
            self.preview = await shown(
                self.conn, self._context, draft, scope=RebalanceScope(), as_of=self.now
            )
            return None
        if self._promise is not None:
            self.see_promise_kept(await self._draft(request, as_of=self._promise.as_of))
        recalculation_id = await request_recalculation(
            self.conn,
            self.workspace_id,
            cause=cause,
            sequence_id=sequence_id,
            mailbox_id=mailbox_id,
            details=details,
            requested_by=self._context.caller.actor,
            now=self.now,
        )
        (row,) = await recalculations_by_id(self.conn, self.workspace_id, [recalculation_id])
        return Recalculation.of(row)

    def see_promise_kept(self, draft: Rebalance | None) -> None:
        """Refuse the change if a plan was promised and *draft* is another one."""
        if self._promise is not None:
            check_kept(draft, self._promise, now=self.now, field="planToken")
            self._promise = None

    async def _draft(self, request: ReplanRequest, *, as_of: datetime) -> Rebalance:
        """What the recalculation would make of the plan, as this transaction sees it."""
        scope = await replan_scope(self.conn, self.workspace_id, [request], lock=False)
        return await draft_rebalance(self.conn, self.workspace_id, scope, now=as_of)


@asynccontextmanager
async def changing(context: Context, asked: Rehearsable | None = None) -> AsyncIterator[Change]:
    """
    Begin a change; it is committed at the end of the block, or not at all when the block raises.

    A rehearsal is the same change, and everything that it wrote is taken back.
    """
    # Before the transaction: the clock may need a connection of its own.
    now = await context.now()
    token = None if asked is None else asked.plan_token
    promise = None if token is None else promised(context, token, field="planToken")
    async with context.transaction() as conn:
        if asked is not None and asked.dry_run:
            async with conn.begin_nested() as rehearsal:
                yield Change(conn, context, now, is_rehearsal=True)
                await rehearsal.rollback()
        else:
            change = Change(conn, context, now, promise=promise)
            yield change
            # Where nothing is planned any more, nothing is as it was promised.
            change.see_promise_kept(None)
