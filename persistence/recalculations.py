"""Recalculations: taken up, carried through, and finished with what they changed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Row, and_, cast, extract, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EnrollmentId, MailboxId, RecalculationId, SequenceId, WorkspaceId
from domain.itineraries import MoveCause
from domain.lifecycle import EMAIL, EmailEvent, EmailStatus, EnrollmentEvent
from domain.rebalances import Promise, RebalanceScope
from domain.recalculations import RecalculationCause, RecalculationStatus
from persistence.arrays import among
from persistence.changes import tell_of_changes, tell_of_recalculations
from persistence.email_events import Happening, record_events
from persistence.leaving_emails import is_ended_by_policy, is_left_out
from persistence.planned_emails import Written
from persistence.promises import mailboxes_in, read_stored
from persistence.replan_scopes import ReplanRequest, count_asked_for, count_pending
from persistence.sequences import complete_sequences
from persistence.stops import end_enrollments
from persistence.tables import email_moves, enrollments, recalculations, scheduled_emails
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
    # Those that a rebalance names; it is for everyone if it names none.
    mailbox_ids: tuple[MailboxId, ...] = ()
    enrollment_id: EnrollmentId | None = None

    @property
    def request(self) -> ReplanRequest:
        if self.promise is not None:
            return ReplanRequest(self.cause, self.promise.scope)
        if self.mailbox_ids:
            return ReplanRequest(self.cause, RebalanceScope(self.sequence_id, self.mailbox_ids))
        return ReplanRequest.after(
            self.cause,
            sequence_id=self.sequence_id,
            mailbox_id=self.mailbox_id,
            enrollment_id=self.enrollment_id,
        )

    @property
    def is_whole(self) -> bool:
        """Whether it is carried out alone and at once, because all of its plan belongs together."""
        return self.promise is not None or self.cause is RecalculationCause.NIGHTLY


async def begin_recalculations(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, now: datetime
) -> Sequence[Recalculation]:
    """
    Take up the oldest request, or what was begun and never finished; none when there is none.

    Requests that wait behind it are taken up together with it, as parts of the first.
    """
    rows = await conn.execute(
        select(recalculations)
        .where(recalculations.c.workspace_id == workspace_id, recalculations.c.status.in_(_OPEN))
        .order_by(recalculations.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    waiting = rows.all()
    begun = [row for row in waiting if row.status == RecalculationStatus.RUNNING]
    taken_up = _together([_recalculation(row) for row in begun or waiting])
    if taken_up:
        first = taken_up[0].id
        await conn.execute(
            update(recalculations)
            .where(among(recalculations.c.id, [each.id for each in taken_up]))
            .values(
                status=str(RecalculationStatus.RUNNING),
                started_at=func.coalesce(recalculations.c.started_at, now),
                part_of_id=func.nullif(first, recalculations.c.id),
            )
        )
    return taken_up


def _together(waiting: Sequence[Recalculation]) -> Sequence[Recalculation]:
    """The first of *waiting*, with those after it that one replan can carry out as well."""
    alone = next((at for at, each in enumerate(waiting) if each.is_whole), len(waiting))
    return waiting[: max(alone, 1)]


# Any: the columns are those of the table.
def _recalculation(row: Row[*tuple[Any, ...]]) -> Recalculation:
    sequence_id = None if row.sequence_id is None else SequenceId(row.sequence_id)
    return Recalculation(
        RecalculationId(row.id),
        RecalculationCause(row.cause),
        sequence_id,
        None if row.mailbox_id is None else MailboxId(row.mailbox_id),
        read_stored(row.details, sequence_id=sequence_id),
        mailboxes_in(row.details),
        EnrollmentId(UUID(row.details["enrollment_id"])) if "enrollment_id" in row.details else None,
    )


async def expect_emails(
    conn: AsyncConnection, workspace_id: WorkspaceId, begun: Sequence[Recalculation]
) -> None:
    """Note how many emails *begun* are about to look at, for those who watch."""
    total = await count_asked_for(conn, workspace_id, [each.request for each in begun])
    await conn.execute(
        update(recalculations)
        .where(among(recalculations.c.id, [each.id for each in begun]))
        .values(total=func.greatest(recalculations.c.total, total))
    )
    await tell_of_changes(conn, [workspace_id])


async def record_progress(
    conn: AsyncConnection, ids: Collection[RecalculationId], written: Written, *, total: int
) -> None:
    """
    Add what one turn of the recalculations *ids* wrote, in emails, of *total* ones.

    Each turn looks at everything anew, so what earlier turns changed is unchanged in *written*.
    """
    columns = recalculations.c
    changed_before = columns.done - columns.unchanged
    await conn.execute(
        update(recalculations)
        .where(among(columns.id, ids))
        .values(
            total=total,
            done=written.looked_at,
            moved=columns.moved + written.moved,
            unchanged=func.greatest(written.unchanged - changed_before, 0),
            cancelled=columns.cancelled + written.cancelled,
            infeasible=written.infeasible,
        )
    )
    await tell_of_recalculations(conn, ids)


async def finish_recalculations(
    conn: AsyncConnection, ids: Collection[RecalculationId], *, first: RecalculationId, now: datetime
) -> None:
    """End *ids*, which were carried out as *first*, with the delays of what moved, in seconds."""
    moves = email_moves.c
    delay = extract("epoch", moves.to_send_at - moves.from_send_at)
    # Who makes room inside its own window is not put off.
    is_delay = and_(moves.recalculation_id == first, moves.cause != str(MoveCause.NARROWER_WINDOW))
    median = func.percentile_cont(0.5).within_group(delay)
    await conn.execute(
        update(recalculations)
        .where(among(recalculations.c.id, ids))
        .values(
            status=str(RecalculationStatus.COMPLETED),
            median_delay_s=select(cast(median, Integer)).where(is_delay).scalar_subquery(),
            max_delay_s=select(cast(func.max(delay), Integer)).where(is_delay).scalar_subquery(),
            finished_at=now,
        )
    )
    await tell_of_recalculations(conn, ids)


async def fail_recalculations(
    conn: AsyncConnection, ids: Collection[RecalculationId], *, error: str, now: datetime
) -> None:
    """Give up recalculations that raised; *error* names what it was."""
    await conn.execute(
        update(recalculations)
        .where(among(recalculations.c.id, ids), recalculations.c.status.in_(_OPEN))
        .values(status=str(RecalculationStatus.FAILED), error=error, finished_at=now)
    )
    await tell_of_recalculations(conn, ids)


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
    before = await count_pending(conn, workspace_id, ids)
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
    return before - await count_pending(conn, workspace_id, ids)
