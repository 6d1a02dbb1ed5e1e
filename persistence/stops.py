"""Stops: enrollments that end before their last step, and the emails that they take along."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Integer, Row, Uuid, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EnrollmentId, SequenceId, WorkspaceId
from domain.lifecycle import EMAIL, ENROLLMENT, EmailEvent, EmailStatus, EnrollmentEvent
from persistence.arrays import among, unnested
from persistence.changes import tell_of_changes
from persistence.tables import email_events, enrollments, mailbox_days, scheduled_emails
from persistence.transitions import transition

# What may still send: the unique index of enrollments is about these.
OPEN = sorted(map(str, ENROLLMENT.sources(EnrollmentEvent.CANCEL)))
# Held all at once in order, written in parts: the API gives up a statement that takes ten seconds.
_PER_STATEMENT = 20_000
_RESERVED = (EmailStatus.QUEUED, EmailStatus.SENDING)
_CANCELLABLE = sorted(map(str, EMAIL.sources(EmailEvent.CANCEL)))


@dataclass(frozen=True, slots=True)
class Ended:
    enrollment_id: EnrollmentId
    sequence_id: SequenceId


async def open_enrollments(
    conn: AsyncConnection, workspace_id: WorkspaceId, matching: ColumnElement[bool]
) -> list[EnrollmentId]:
    """The open enrollments that *matching* holds for, unlocked."""
    found = await conn.scalars(
        select(enrollments.c.id)
        .where(
            enrollments.c.workspace_id == workspace_id,
            enrollments.c.status.in_(OPEN),
            matching,
        )
        .order_by(enrollments.c.id)
    )
    return [EnrollmentId(each) for each in found]


async def end_enrollments(
    conn: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    matching: ColumnElement[bool],
    event: EnrollmentEvent,
    cause: str | None = None,
    now: datetime,
) -> list[Ended]:
    """
    End the open enrollments that *matching* holds for, and cancel what they had still to send, for *cause*
    or for what happened to them.

    An email that is past the point of no return stays: it may arrive, and is recorded when it does.
    """
    held = await conn.execute(
        select(enrollments.c.id, enrollments.c.sequence_id)
        .where(
            enrollments.c.workspace_id == workspace_id,
            enrollments.c.status.in_(sorted(map(str, ENROLLMENT.sources(event)))),
            matching,
        )
        .order_by(enrollments.c.id)
        .with_for_update(key_share=True)
    )
    ended = [Ended(*enrollment) for enrollment in held.all()]
    if not ended:
        return []
    ids = [enrollment.enrollment_id for enrollment in ended]
    completed_at = now if event is EnrollmentEvent.COMPLETE else None
    await conn.execute(
        transition(ENROLLMENT, enrollments, event)
        .where(enrollments.c.workspace_id == workspace_id, among(enrollments.c.id, ids))
        .values(next_send_at=None, completed_at=completed_at, version=enrollments.c.version + 1)
    )
    await cancel_emails(
        conn, workspace_id=workspace_id, enrollment_ids=ids, cause=cause or str(event), now=now
    )
    return ended


async def cancel_emails(
    conn: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    enrollment_ids: Collection[EnrollmentId],
    cause: str,
    now: datetime,
) -> int:
    """Cancel what *enrollment_ids* have not handed over yet and give back its budget; how many it was."""
    held = await _hold_cancellable(conn, workspace_id=workspace_id, enrollment_ids=enrollment_ids)
    if not held:
        return 0
    ids = [email.id for email in held]
    for start in range(0, len(ids), _PER_STATEMENT):
        part = ids[start : start + _PER_STATEMENT]
        await _cancel(conn, workspace_id=workspace_id, email_ids=part, cause=cause, now=now)
    reserved = Counter(
        (email.mailbox_id, email.quota_day)
        for email in held
        if email.status in _RESERVED and email.quota_day is not None
    )
    if reserved:
        await _give_back(conn, workspace_id=workspace_id, reserved=reserved)
    return len(held)


# Any: a row has the columns that are selected.
async def _hold_cancellable(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, enrollment_ids: Collection[EnrollmentId]
) -> Sequence[Row[Any, Any, Any, Any]]:
    held = await conn.execute(
        select(
            scheduled_emails.c.id,
            scheduled_emails.c.status,
            scheduled_emails.c.mailbox_id,
            scheduled_emails.c.quota_day,
        )
        .where(
            scheduled_emails.c.workspace_id == workspace_id,
            among(scheduled_emails.c.enrollment_id, enrollment_ids),
            scheduled_emails.c.status.in_(_CANCELLABLE),
        )
        .order_by(scheduled_emails.c.id)
        .with_for_update(key_share=True)
    )
    return held.all()


async def _cancel(
    conn: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    email_ids: Collection[UUID],
    cause: str,
    now: datetime,
) -> None:
    cancelled = (
        transition(EMAIL, scheduled_emails, EmailEvent.CANCEL)
        .where(scheduled_emails.c.workspace_id == workspace_id, among(scheduled_emails.c.id, email_ids))
        .values(lease_until=None, retry_at=None)
        .returning(
            scheduled_emails.c.workspace_id,
            scheduled_emails.c.id,
            scheduled_emails.c.enrollment_id,
            scheduled_emails.c.mailbox_id,
            scheduled_emails.c.attempt,
        )
        .cte("cancelled")
    )
    recorded = ["workspace_id", "email_id", "enrollment_id", "mailbox_id", "attempt", "kind", "cause", "at"]
    happened = (literal(str(EmailEvent.CANCEL)), literal(cause), literal(now, email_events.c.at.type))
    await conn.execute(insert(email_events).from_select(recorded, select(*cancelled.c, *happened)))
    await tell_of_changes(conn, [workspace_id])


async def _give_back(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, reserved: Mapping[tuple[UUID, date], int]
) -> None:
    """Return to each mailbox's day what was reserved on it: nothing of it was handed over."""
    days = sorted(reserved)
    given = unnested(
        {"mailbox_id": Uuid(), "day": Date(), "emails": Integer()},
        {
            "mailbox_id": [mailbox_id for mailbox_id, _ in days],
            "day": [day for _, day in days],
            "emails": [reserved[day] for day in days],
        },
    )
    of_day = (
        mailbox_days.c.workspace_id == workspace_id,
        mailbox_days.c.mailbox_id == given.c.mailbox_id,
        mailbox_days.c.day == given.c.day,
    )
    await conn.execute(
        select(mailbox_days.c.day)
        .select_from(given)
        .where(*of_day)
        .order_by(mailbox_days.c.mailbox_id, mailbox_days.c.day)
        .with_for_update(of=mailbox_days)
    )
    await conn.execute(
        update(mailbox_days)
        .where(*of_day)
        # A day that was counted anew meanwhile must not keep an unsubscription from being obeyed.
        .values(used=func.greatest(mailbox_days.c.used - given.c.emails, 0))
    )
