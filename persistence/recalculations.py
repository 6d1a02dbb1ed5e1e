"""Recalculations: taken up, carried through, and finished with what they changed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EnrollmentId, MailboxId, RecalculationId, SequenceId, WorkspaceId
from domain.lifecycle import EMAIL, EmailEvent, EmailStatus, EnrollmentEvent
from domain.rebalances import Promise
from domain.recalculations import RecalculationCause, RecalculationStatus
from persistence.arrays import among
from persistence.email_events import Happening, record_events
from persistence.leaving_emails import is_ended_by_policy, is_left_out
from persistence.planned_emails import Written
from persistence.promises import read_stored
from persistence.sequences import complete_sequences
from persistence.stops import end_enrollments
from persistence.tables import enrollments, recalculations, scheduled_emails
from persistence.transitions import transition

_OPEN = (str(RecalculationStatus.PENDING), str(RecalculationStatus.RUNNING))


@dataclass(frozen=True, slots=True)
class Recalculation:
    id: RecalculationId
    cause: RecalculationCause
    sequence_id: SequenceId | None
    mailbox_id: MailboxId | None
    # The plan that a preview showed: another one must not be written.
    promise: Promise | None = None


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
    sequence_id = None if row.sequence_id is None else SequenceId(row.sequence_id)
    return Recalculation(
        RecalculationId(row.id),
        RecalculationCause(row.cause),
        sequence_id,
        None if row.mailbox_id is None else MailboxId(row.mailbox_id),
        read_stored(row.details, sequence_id=sequence_id),
    )


async def finish_recalculation(
    conn: AsyncConnection,
    recalculation_id: RecalculationId,
    written: Written,
    *,
    now: datetime,
) -> None:
    """Record what a recalculation changed, in emails; delays in seconds, of the moved ones."""
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
            median_delay_s=written.median_delay_s,
            max_delay_s=written.max_delay_s,
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
            is_left_out(),
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
    ended = await end_enrollments(
        conn,
        workspace_id=workspace_id,
        matching=and_(among(enrollments.c.id, ids), is_ended_by_policy()),
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
