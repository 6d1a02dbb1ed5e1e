"""Which step every open enrollment has to be sent next, after the steps of its sequence changed."""

from datetime import datetime

from sqlalchemy import ScalarSelect, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import SequenceId, WorkspaceId
from domain.lifecycle import EmailStatus, EnrollmentEvent
from persistence.sequences import complete_sequences
from persistence.stops import OPEN, end_enrollments
from persistence.tables import enrollments, mailboxes, scheduled_emails, steps

_IN_FLIGHT = tuple(
    map(str, (EmailStatus.QUEUED, EmailStatus.SENDING, EmailStatus.COMMITTING, EmailStatus.RETRYING))
)
_SETTLED = tuple(map(str, (EmailStatus.SENT, EmailStatus.FAILED, EmailStatus.IN_DOUBT)))


async def refresh_next_positions(
    conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId
) -> int:
    """
    Set ``next_position`` of the open enrollments of a locked sequence anew; how many it changed.

    It is the first live step of which nothing was sent nor is on its way. A step that was put in front of
    one whose email is out already is passed over: that contact is beyond it. One past the last step means
    that nothing is left to send.
    """
    open_here = (
        enrollments.c.workspace_id == workspace_id,
        enrollments.c.sequence_id == sequence_id,
        enrollments.c.status.in_(OPEN),
    )
    held = (
        select(enrollments.c.id).where(*open_here).order_by(enrollments.c.id).with_for_update(key_share=True)
    )
    await conn.execute(select(func.count()).select_from(held.subquery()))
    anew = (
        select(
            enrollments.c.id,
            func.coalesce(_first_unsent(), _last_position(sequence_id) + 1).label("next_position"),
        )
        .where(*open_here)
        .cte("anew")
    )
    changed = await conn.execute(
        update(enrollments)
        .where(
            enrollments.c.workspace_id == workspace_id,
            enrollments.c.id == anew.c.id,
            enrollments.c.next_position != anew.c.next_position,
        )
        .values(next_position=anew.c.next_position)
    )
    return changed.rowcount


def _first_unsent() -> ScalarSelect[int]:
    step, later = steps.alias("step"), steps.alias("later")
    email, later_email = scheduled_emails.alias("email"), scheduled_emails.alias("later_email")
    is_out = (
        exists()
        .where(
            email.c.enrollment_id == enrollments.c.id,
            email.c.step_id == step.c.id,
            email.c.status.in_(_SETTLED + _IN_FLIGHT),
        )
        .correlate(enrollments, step)
    )
    is_passed = (
        exists()
        .where(
            later_email.c.enrollment_id == enrollments.c.id,
            later_email.c.status.in_(_SETTLED + _IN_FLIGHT),
            later_email.c.created_at < step.c.created_at,
            later.c.id == later_email.c.step_id,
            later.c.position > step.c.position,
        )
        .correlate(enrollments, step)
    )
    return (
        select(func.min(step.c.position))
        .where(
            step.c.sequence_id == enrollments.c.sequence_id,
            step.c.removed_at.is_(None),
            ~is_out,
            ~is_passed,
        )
        .correlate(enrollments)
        .scalar_subquery()
    )


def _last_position(sequence_id: SequenceId) -> ScalarSelect[int]:
    last = func.coalesce(func.max(steps.c.position), 0)
    return select(last).where(steps.c.sequence_id == sequence_id).scalar_subquery()


async def complete_finished(
    conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId, *, now: datetime
) -> int:
    """
    Complete the enrollments that were sent all there is left, and their sequence with the last of them.

    Nothing of them is on its way. An email in doubt counts as sent unless its mailbox holds the sequence
    until it is settled.
    """
    is_unsettled = exists().where(
        scheduled_emails.c.enrollment_id == enrollments.c.id,
        scheduled_emails.c.mailbox_id == mailboxes.c.id,
        or_(
            scheduled_emails.c.status.in_(_IN_FLIGHT),
            and_(
                scheduled_emails.c.status == str(EmailStatus.IN_DOUBT),
                mailboxes.c.in_doubt_policy != "ASSUME_SENT",
            ),
        ),
    )
    ended = await end_enrollments(
        conn,
        workspace_id=workspace_id,
        matching=and_(
            enrollments.c.sequence_id == sequence_id,
            _last_position(sequence_id) > 0,
            enrollments.c.next_position > _last_position(sequence_id),
            ~is_unsettled,
        ),
        event=EnrollmentEvent.COMPLETE,
        now=now,
    )
    if ended:
        await complete_sequences(conn, workspace_id, now=now, among_ids=[sequence_id])
    return len(ended)
