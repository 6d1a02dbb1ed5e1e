"""Transfers undone: who was handed to another mailbox and not written to from there goes back."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import and_, exists, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.enrollments import Enrollment
from domain.ids import EmailId, EnrollmentId, MailboxId, WorkspaceId
from domain.itineraries import Leg, MoveCause
from domain.lifecycle import EmailStatus
from persistence.arrays import among
from persistence.tables import email_moves, enrollments, scheduled_emails


@dataclass(frozen=True, slots=True)
class _Former:
    """Where an email was to leave from, and when, before it was handed over."""

    mailbox_id: MailboxId
    send_at: datetime | None


async def undo_transfers(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    planned: Iterable[Enrollment],
    *,
    active: Collection[MailboxId],
) -> list[Enrollment]:
    """
    *planned*, in which everyone whose former mailbox is among *active* again is back in it.

    Back goes whose last change of mailbox was a hand-over, if no email has begun to leave since.
    """
    everyone = list(planned)
    formers = await _handed_over(conn, workspace_id, [each.id for each in everyone])
    return [_back(each, formers, active) for each in everyone]


def _back(
    enrollment: Enrollment, formers: Mapping[EmailId, _Former], active: Collection[MailboxId]
) -> Enrollment:
    theirs = (formers[leg.email_id] for leg in enrollment.legs if leg.email_id and leg.email_id in formers)
    former = next(theirs, None)
    home = enrollment.mailbox_id if former is None else former.mailbox_id
    can_return = home in active and home in enrollment.sequence.mailbox_ids
    if home is None or home == enrollment.mailbox_id or not can_return:
        return enrollment
    legs = tuple(_leaving(leg, formers, home) for leg in enrollment.legs)
    return replace(enrollment, mailbox_id=home, legs=legs, may_change_mailbox=False)


def _leaving(leg: Leg, formers: Mapping[EmailId, _Former], home: MailboxId) -> Leg:
    former = None if leg.email_id is None else formers.get(leg.email_id)
    return leg._replace(
        loses_slot=None if leg.held is None else MoveCause.TRANSFER_UNDONE,
        former_at=former.send_at if former is not None and former.mailbox_id == home else None,
    )


async def _handed_over(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> dict[EmailId, _Former]:
    """The pending emails of *ids* whose transfer is not used yet, and where each came from."""
    emails, moves, others = scheduled_emails.c, email_moves.c, scheduled_emails.alias("others").c
    has_left = exists().where(
        others.enrollment_id == enrollments.c.id,
        # Not plain equality: of emails just written PostgreSQL knows little, and may look for a contact's few
        # among all those of the mailbox.
        others.mailbox_id.is_not_distinct_from(enrollments.c.mailbox_id),
        others.status.not_in([str(EmailStatus.PENDING), str(EmailStatus.CANCELLED)]),
    )
    last_changes = (
        select(moves.email_id, moves.from_mailbox_id, moves.from_send_at, moves.cause)
        .ext(distinct_on(moves.email_id))
        .join(scheduled_emails, and_(emails.workspace_id == moves.workspace_id, emails.id == moves.email_id))
        .join(enrollments, enrollments.c.id == emails.enrollment_id)
        .where(
            emails.workspace_id == workspace_id,
            among(emails.enrollment_id, ids),
            emails.status == str(EmailStatus.PENDING),
            moves.from_mailbox_id.is_distinct_from(moves.to_mailbox_id),
            ~has_left,
        )
        .order_by(moves.email_id, moves.id.desc())
    )
    return {
        EmailId(row.email_id): _Former(MailboxId(row.from_mailbox_id), row.from_send_at)
        for row in await conn.execute(last_changes)
        if row.cause == MoveCause.MAILBOX_HANDED_OVER and row.from_mailbox_id is not None
    }
