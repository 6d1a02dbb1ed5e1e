"""Batches: sequences of kind ONE_OFF, with one step, made and set going in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.batches import Departures, pace_of
from domain.ids import ContactId, MailboxId, SequenceId, WorkspaceId
from domain.lifecycle import MailboxStatus, SequenceEvent
from persistence.enrollments import Enrolled, enroll
from persistence.refusals import NoActiveMailbox, NobodyToWriteTo
from persistence.sequence_mailboxes import link_mailboxes
from persistence.sequences import add_sequence, move_sequence
from persistence.steps import NewStep, append_steps
from persistence.tables import batches, mailboxes


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """When a batch begins and how fast it goes; without delay and limit its emails are spread evenly."""

    starts_at: datetime
    delay_between_emails_s: int | None = None
    hourly_limit: int | None = None

    @property
    def departures(self) -> Departures:
        pace = pace_of(delay_s=self.delay_between_emails_s, hourly_limit=self.hourly_limit)
        return Departures(self.starts_at, pace)


async def add_batch_sequence(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    settings: Mapping[str, object],
    step: NewStep,
    mailbox_ids: Sequence[MailboxId],
    now: datetime,
) -> SequenceId:
    """
    Make the sequence of a batch, sending; without *mailbox_ids* through all mailboxes that are active.

    Raises:
        UnknownObject, NotInStatus: The workspace lacks a mailbox, or it is removed.
        NoActiveMailbox: None was given, and there is none.
    """
    chosen = mailbox_ids or await _active_mailboxes(conn, workspace_id)
    if not chosen:
        raise NoActiveMailbox
    sequence_id = await add_sequence(conn, workspace_id, settings={**settings, "kind": "ONE_OFF"})
    await append_steps(conn, workspace_id, sequence_id, new_steps=[step])
    await link_mailboxes(conn, workspace_id, sequence_id, mailbox_ids=chosen)
    await move_sequence(conn, workspace_id, sequence_id, event=SequenceEvent.ACTIVATE, now=now)
    return sequence_id


async def schedule_batch(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    terms: BatchTerms,
    contact_ids: Sequence[ContactId],
    now: datetime,
) -> Enrolled:
    """
    Put contacts on their way through the sequence of a batch, in the order given; the planner hears of it.

    Raises:
        UnknownObject: The workspace lacks some of the contacts.
        NobodyToWriteTo: None of them can be written to.
    """
    outcome = await enroll(
        conn,
        workspace_id,
        sequence_id,
        contact_ids=contact_ids,
        now=now,
        departs=terms.departures.earliest,
    )
    if not outcome.enrolled:
        raise NobodyToWriteTo(suppressed=outcome.suppressed)
    await conn.execute(
        insert(batches).values(
            id=sequence_id,
            workspace_id=workspace_id,
            count=outcome.enrolled,
            starts_at=terms.starts_at,
            delay_between_emails_s=terms.delay_between_emails_s,
            hourly_limit=terms.hourly_limit,
        )
    )
    return outcome


async def _active_mailboxes(conn: AsyncConnection, workspace_id: WorkspaceId) -> list[MailboxId]:
    found = await conn.scalars(
        select(mailboxes.c.id)
        .where(mailboxes.c.workspace_id == workspace_id, mailboxes.c.status == str(MailboxStatus.ACTIVE))
        .order_by(mailboxes.c.id)
    )
    return [MailboxId(mailbox_id) for mailbox_id in found]
