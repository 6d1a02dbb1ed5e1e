"""Recalculations: taken up, carried through, and finished with what they changed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Row, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EnrollmentId, MailboxId, RecalculationId, SequenceId, WorkspaceId
from domain.lifecycle import EMAIL, EmailEvent, EmailStatus, EnrollmentEvent, MailboxStatus
from domain.recalculations import RecalculationCause, RecalculationStatus
from persistence.arrays import among
from persistence.email_events import Happening, record_events
from persistence.planned_emails import Written
from persistence.sequences import complete_sequences
from persistence.stops import end_enrollments
from persistence.tables import (
    enrollments,
    mailboxes,
    recalculations,
    scheduled_emails,
    sequence_mailboxes,
    sequences,
    steps,
)
from persistence.transitions import transition

_OPEN = (str(RecalculationStatus.PENDING), str(RecalculationStatus.RUNNING))


@dataclass(frozen=True, slots=True)
class Recalculation:
    id: RecalculationId
    cause: RecalculationCause
    sequence_id: SequenceId | None
    mailbox_id: MailboxId | None


async def begin_recalculation(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, now: datetime
) -> Recalculation | None:
    """Take up the oldest request, or one that was begun and never finished; None when there is none."""
    oldest = (
        select(recalculations.c.id)
        .where(recalculations.c.workspace_id == workspace_id, recalculations.c.status.in_(_OPEN))
        .order_by(recalculations.c.id)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
        .cte("oldest")
    )
    begun = await conn.execute(
        update(recalculations)
        .where(recalculations.c.id.in_(select(oldest.c.id)))
        .values(status=str(RecalculationStatus.RUNNING), started_at=now)
        .returning(*recalculations.c)
    )
    row = begun.one_or_none()
    return None if row is None else _recalculation(row)


# Any: the columns are those of the table.
def _recalculation(row: Row[*tuple[Any, ...]]) -> Recalculation:
    return Recalculation(
        RecalculationId(row.id),
        RecalculationCause(row.cause),
        None if row.sequence_id is None else SequenceId(row.sequence_id),
        None if row.mailbox_id is None else MailboxId(row.mailbox_id),
    )


async def finish_recalculation(
    conn: AsyncConnection,
    recalculation_id: RecalculationId,
    written: Written,
    *,
    now: datetime,
) -> None:
    """Record what a recalculation changed, in emails; delays in seconds, of the moved ones."""
    delays = [round(delay / timedelta(seconds=1)) for delay in written.delays]
    total = written.placed + written.moved + written.unchanged
    await conn.execute(
        update(recalculations)
        .where(recalculations.c.id == recalculation_id)
        .values(
            status=str(RecalculationStatus.COMPLETED),
            total=total,
            done=total,
            moved=written.moved,
            unchanged=written.unchanged,
            cancelled=written.cancelled,
            infeasible=written.infeasible,
            median_delay_s=round(median(delays)) if delays else None,
            max_delay_s=max(delays, default=None),
            finished_at=now,
        )
    )


async def fail_recalculation(conn: AsyncConnection, recalculation_id: RecalculationId, *, error: str) -> None:
    """Give a recalculation up that raised; *error* names what it was."""
    await conn.execute(
        update(recalculations)
        .where(recalculations.c.id == recalculation_id, recalculations.c.status.in_(_OPEN))
        .values(status=str(RecalculationStatus.FAILED), error=error)
    )


async def cancel_left_out(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId], *, now: datetime
) -> int:
    """
    Cancel the pending emails of the locked enrollments *ids* that are never sent; how many it was.

    Their step was removed, or moved in front of what the enrollment is sent next.
    """
    is_left_out = exists().where(
        steps.c.id == scheduled_emails.c.step_id,
        enrollments.c.id == scheduled_emails.c.enrollment_id,
        or_(steps.c.removed_at.is_not(None), steps.c.position < enrollments.c.next_position),
    )
    rows = await conn.execute(
        select(
            scheduled_emails.c.id,
            scheduled_emails.c.workspace_id,
            scheduled_emails.c.enrollment_id,
            scheduled_emails.c.mailbox_id,
            scheduled_emails.c.attempt,
        )
        .where(
            scheduled_emails.c.workspace_id == workspace_id,
            among(scheduled_emails.c.enrollment_id, ids),
            scheduled_emails.c.status == str(EmailStatus.PENDING),
            is_left_out,
        )
        .order_by(scheduled_emails.c.id)
        .with_for_update(key_share=True)
    )
    left_out = rows.all()
    if left_out:
        cancel = transition(EMAIL, scheduled_emails, EmailEvent.CANCEL)
        await conn.execute(cancel.where(among(scheduled_emails.c.id, [row.id for row in left_out])))
        cancelled = [Happening.of_row(row, EmailEvent.CANCEL, cause="LEFT_OUT") for row in left_out]
        await record_events(conn, cancelled, at=now)
    return len(left_out)


async def cancel_by_policy(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId], *, now: datetime
) -> int:
    """End those of the locked enrollments *ids* whose sequence says so of their mailbox; how many emails."""
    before = await _count_pending(conn, workspace_id, ids)
    is_linked = exists().where(
        sequence_mailboxes.c.sequence_id == sequences.c.id, sequence_mailboxes.c.mailbox_id == mailboxes.c.id
    )
    is_removed = or_(mailboxes.c.status == str(MailboxStatus.REMOVED), ~is_linked)
    is_unable = mailboxes.c.status.in_(
        [str(status) for status in (MailboxStatus.PAUSED, MailboxStatus.NEEDS_AUTH, MailboxStatus.BLOCKED)]
    )
    says_cancel = exists().where(
        sequences.c.id == enrollments.c.sequence_id,
        mailboxes.c.id == enrollments.c.mailbox_id,
        or_(
            and_(is_removed, sequences.c.when_mailbox_removed == "CANCEL"),
            and_(~is_removed, is_unable, sequences.c.when_mailbox_paused == "CANCEL"),
        ),
    )
    ended = await end_enrollments(
        conn,
        workspace_id=workspace_id,
        matching=and_(among(enrollments.c.id, ids), says_cancel),
        event=EnrollmentEvent.CANCEL,
        now=now,
    )
    if not ended:
        return 0
    await complete_sequences(conn, workspace_id, now=now, among_ids={each.sequence_id for each in ended})
    return before - await _count_pending(conn, workspace_id, ids)


async def _count_pending(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> int:
    pending = select(func.count()).where(
        scheduled_emails.c.workspace_id == workspace_id,
        among(scheduled_emails.c.enrollment_id, ids),
        scheduled_emails.c.status == str(EmailStatus.PENDING),
    )
    return int(await conn.scalar(pending) or 0)
