"""Changes: what a mutation does in one transaction, and the things of the API as they are in it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from collections.abc import Sequence as Rows
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeAlias, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auditing import TABLES, About, Asked
from api.context import Caller, Context, Info
from api.foresight import Foresight
from api.ids import global_id
from api.inputs.rehearsals import Rehearsable
from api.plan_previews import digest_of, promised
from api.types.api_key import ApiKey
from api.types.batch import Batch
from api.types.contact import Contact
from api.types.contact_import import Import
from api.types.enrollment import Enrollment
from api.types.mailbox import Mailbox
from api.types.member import Invitation, Member
from api.types.node import Node
from api.types.plan_preview import PlanPreview
from api.types.recalculation import Recalculation
from api.types.scheduled_email import ScheduledEmail
from api.types.sequence import Sequence
from api.types.step import Step
from api.types.workspace import Workspace
from domain.ids import EnrollmentId, MailboxId, SequenceId
from domain.rebalances import REBALANCE
from domain.recalculations import RecalculationCause
from persistence.audit_log import Columns, Entry, columns_of, write_entry
from persistence.database import notify
from persistence.reading.api_keys import api_keys_by_id
from persistence.reading.batches import batches_by_id
from persistence.reading.contact_imports import imports_by_id
from persistence.reading.contacts import contacts_by_id
from persistence.reading.enrollments import enrollments_by_id
from persistence.reading.mailboxes import mailboxes_by_id
from persistence.reading.members import invitations_by_id, members_by_id
from persistence.reading.pages import AnyRow
from persistence.reading.recalculations import recalculations_by_id
from persistence.reading.scheduled_emails import emails_by_id
from persistence.reading.sequences import sequences_by_id, steps_by_id
from persistence.reading.workspaces import workspaces_by_id
from persistence.recalculation_requests import request_recalculation
from persistence.replan_scopes import ReplanRequest

Thing = TypeVar("Thing", bound=Node)
Read: TypeAlias = Callable[[AsyncConnection, UUID, Collection[UUID]], Awaitable[Rows[AnyRow]]]


class Change:
    """One mutation's transaction: who makes it and when, and the things of the API as they are in it."""

    def __init__(
        self, conn: AsyncConnection, context: Context, now: datetime, *, foresight: Foresight
    ) -> None:
        self.conn = conn
        self.now = now
        self.workspace_id = context.workspace_id
        # For the audit log: what it is done to, the first thing that it answers unless its input names one;
        # and how many it was done to, where they are many.
        self.about: About | None = None
        self.figures: dict[str, int] = {}
        # Columns of which the audit log tells that they changed, and not what they were.
        self.hidden: frozenset[str] = frozenset()
        self._context = context
        self._foresight = foresight

    @property
    def preview(self) -> PlanPreview | None:
        """In a rehearsal, what the change does to the plan, if anything is planned that may change."""
        return self._foresight.preview

    async def sequence(self, sequence_id: UUID) -> Sequence:
        return await self._thing(Sequence, sequences_by_id, sequence_id)

    async def batch(self, batch_id: UUID) -> Batch:
        return await self._thing(Batch, batches_by_id, batch_id)

    async def step(self, step_id: UUID) -> Step:
        return await self._thing(Step, steps_by_id, step_id)

    async def mailbox(self, mailbox_id: UUID) -> Mailbox:
        return await self._thing(Mailbox, mailboxes_by_id, mailbox_id)

    async def contact(self, contact_id: UUID) -> Contact:
        return await self._thing(Contact, contacts_by_id, contact_id)

    async def contact_import(self, import_id: UUID) -> Import:
        return await self._thing(Import, imports_by_id, import_id)

    async def enrollment(self, enrollment_id: UUID) -> Enrollment:
        return await self._thing(Enrollment, enrollments_by_id, enrollment_id)

    async def email(self, email_id: UUID) -> ScheduledEmail:
        return await self._thing(ScheduledEmail, emails_by_id, email_id)

    async def api_key(self, api_key_id: UUID) -> ApiKey:
        return await self._thing(ApiKey, api_keys_by_id, api_key_id)

    async def member(self, member_id: UUID) -> Member:
        return await self._thing(Member, members_by_id, member_id)

    async def invitation(self, invitation_id: UUID) -> Invitation:
        return await self._thing(Invitation, invitations_by_id, invitation_id)

    async def workspace(self) -> Workspace:
        return await self._thing(Workspace, workspaces_by_id, self.workspace_id)

    async def _thing(self, kind: type[Thing], read: Read, key: UUID) -> Thing:
        self.about = self.about or About(kind.__name__, key)
        (row,) = await read(self.conn, self.workspace_id, [key])
        return kind.of(row)

    async def recalculate(
        self,
        cause: RecalculationCause,
        *others: RecalculationCause,
        sequence_id: SequenceId | None = None,
        mailbox_id: MailboxId | None = None,
        enrollment_id: EnrollmentId | None = None,
        details: Mapping[str, object] | None = None,
    ) -> Recalculation | None:
        """
        Ask for the replan that this change makes necessary; a rehearsal only looks at it.

        With *others* it has several causes: they are carried out together, and that of *cause* is answered.
        """
        causes = (cause, *others)
        if enrollment_id is not None:
            details = {**(details or {}), "enrollment_id": str(enrollment_id)}
        await self._foresight.of_replan(
            [
                ReplanRequest.after(
                    each, sequence_id=sequence_id, mailbox_id=mailbox_id, enrollment_id=enrollment_id
                )
                for each in causes
            ]
        )
        if self._foresight.is_rehearsal:
            return None
        caller = self._context.caller
        asked_for, *_ = [
            await request_recalculation(
                self.conn,
                self.workspace_id,
                cause=each,
                sequence_id=sequence_id,
                mailbox_id=mailbox_id,
                details=details,
                requested_by=caller.actor,
                requested_by_name=caller.name,
                now=self.now,
            )
            for each in causes
        ]
        (row,) = await recalculations_by_id(self.conn, self.workspace_id, [asked_for])
        return Recalculation.of(row)

    async def place(self) -> None:
        """Have the planner place what waits for it, with the commit."""
        await self._foresight.of_turn()
        await notify(self.conn, "plan")

    async def end(self, matching: ColumnElement[bool]) -> None:
        """Look at what leaves the plan, before the open enrollments that *matching* holds for are ended."""
        await self._foresight.of_end(matching)


@asynccontextmanager
async def changing(
    info: Info, asked: Rehearsable | None = None, *, about: About | None = None
) -> AsyncIterator[Change]:
    """
    Begin a change; it is committed at the end of the block, or not at all when the block raises.

    With it goes an entry in the audit log, of the thing that the input names or *about* is. A rehearsal is
    the same change, and everything that it wrote is taken back.
    """
    context = info.context
    # Before the transaction: the clock may need a connection of its own.
    now = await context.now()
    deed = Asked.of(info, about=about)
    token = None if asked is None else asked.plan_token
    is_bound = token is not None or (asked is not None and asked.dry_run)
    digest = digest_of(context, deed) if is_bound else REBALANCE
    promise = None if token is None else promised(context, token, field="planToken", change=digest)
    async with context.transaction() as conn:
        if asked is not None and asked.dry_run:
            async with conn.begin_nested() as rehearsal:
                foresight = Foresight(conn, context, now, is_rehearsal=True, change=digest)
                yield Change(conn, context, now, foresight=foresight)
                await rehearsal.rollback()
        else:
            foresight = Foresight(conn, context, now, promise=promise)
            change = Change(conn, context, now, foresight=foresight)
            before = await _columns(change, deed.about)
            yield change
            # Where nothing is planned any more, nothing is as it was promised.
            foresight.see_promise_kept()
            about = deed.about or change.about
            await _write_down(change, context.caller, deed, about, before)
            if context.once is not None:
                await context.once.note_done(conn, about and global_id(about.kind, about.key))


async def _write_down(
    change: Change, caller: Caller, deed: Asked, about: About | None, before: Columns | None
) -> None:
    # What the input does not name was made by the change, or found: what it was before, nobody looked.
    after = await _columns(change, about, if_made=deed.about is None)
    entry = Entry(
        actor=caller.actor,
        actor_name=caller.name,
        action=deed.action,
        asked=deed.shown,
        kind=about and about.kind,
        object_id=about and about.key,
        figures=change.figures,
        hidden=change.hidden,
    )
    await write_entry(change.conn, change.workspace_id, entry, before=before, after=after, at=change.now)


async def _columns(change: Change, about: About | None, *, if_made: bool = False) -> Columns | None:
    if about is None:
        return None
    table = TABLES[about.kind]
    return await columns_of(change.conn, change.workspace_id, table, about.key, if_made=if_made)
