"""What a replan takes out of the plan: emails that are never sent, and enrollments that end by policy."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EmailId, EnrollmentId, MailboxId, WorkspaceId
from domain.lifecycle import EmailStatus, MailboxStatus
from persistence.arrays import among
from persistence.tables import (
    enrollments,
    mailboxes,
    scheduled_emails,
    sequence_mailboxes,
    sequences,
    steps,
)

_UNABLE = (MailboxStatus.PAUSED, MailboxStatus.NEEDS_AUTH, MailboxStatus.BLOCKED)


@dataclass(frozen=True, slots=True)
class LeavingEmail:
    """A pending email that is to be cancelled, and the mailbox's day that it was planned on, if it was."""

    id: EmailId
    mailbox_id: MailboxId | None
    send_day: date | None


def is_left_out() -> ColumnElement[bool]:
    """Whether the step of an email was removed, or moved in front of what its enrollment is sent next."""
    return exists().where(
        steps.c.id == scheduled_emails.c.step_id,
        enrollments.c.id == scheduled_emails.c.enrollment_id,
        or_(steps.c.removed_at.is_not(None), steps.c.position < enrollments.c.next_position),
    )


def is_ended_by_policy() -> ColumnElement[bool]:
    """Whether the sequence of an enrollment says that it ends, as its mailbox is paused, broken or gone."""
    is_linked = exists().where(
        sequence_mailboxes.c.sequence_id == sequences.c.id, sequence_mailboxes.c.mailbox_id == mailboxes.c.id
    )
    is_removed = or_(mailboxes.c.status == str(MailboxStatus.REMOVED), ~is_linked)
    is_unable = mailboxes.c.status.in_([str(status) for status in _UNABLE])
    return exists().where(
        sequences.c.id == enrollments.c.sequence_id,
        mailboxes.c.id == enrollments.c.mailbox_id,
        or_(
            and_(is_removed, sequences.c.when_mailbox_removed == "CANCEL"),
            and_(~is_removed, is_unable, sequences.c.when_mailbox_paused == "CANCEL"),
        ),
    )


async def ending_by_policy(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> frozenset[EnrollmentId]:
    """Those of the enrollments *ids* that end as their sequence says so of their mailbox."""
    ending = await conn.scalars(
        select(enrollments.c.id).where(
            enrollments.c.workspace_id == workspace_id, among(enrollments.c.id, ids), is_ended_by_policy()
        )
    )
    return frozenset(EnrollmentId(each) for each in ending)


async def leaving_emails(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    ids: Collection[EnrollmentId],
    *,
    ending: Collection[EnrollmentId],
) -> list[LeavingEmail]:
    """The pending emails of *ids* that their replan cancels: all those of *ending*, and the left out."""
    columns = scheduled_emails.c
    rows = await conn.execute(
        select(columns.id, columns.mailbox_id, columns.send_day)
        .where(
            columns.workspace_id == workspace_id,
            among(columns.enrollment_id, ids),
            columns.status == str(EmailStatus.PENDING),
            or_(among(columns.enrollment_id, ending), is_left_out()),
        )
        .order_by(columns.id)
    )
    return [LeavingEmail(*row) for row in rows]
