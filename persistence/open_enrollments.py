"""The enrollments that planning looks at: on their way, with every step that has still to be sent."""

from collections.abc import Collection, Container, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.enrollments import Enrollment
from domain.ids import EmailId, EnrollmentId, MailboxId, SequenceId, StepId, WorkspaceId
from domain.itineraries import Leg, MoveCause, Slot
from domain.lifecycle import EmailStatus, EnrollmentStatus, MailboxStatus, SequenceStatus
from persistence.arrays import among
from persistence.planning_terms import PlanningTerms, Terms
from persistence.tables import contacts, enrollments, mailboxes, scheduled_emails, sequences, steps

# Any: a row has the columns that are selected.
_Row = Row[*tuple[Any, ...]]


async def reopen_late(conn: AsyncConnection, workspace_id: WorkspaceId, *, late_since: datetime) -> int:
    """Ask for a new slot for what an outage or a pause left behind: pending since before *late_since*."""
    is_late = exists().where(
        scheduled_emails.c.enrollment_id == enrollments.c.id,
        scheduled_emails.c.status == str(EmailStatus.PENDING),
        scheduled_emails.c.send_at <= late_since,
        mailboxes.c.id == scheduled_emails.c.mailbox_id,
        mailboxes.c.status == str(MailboxStatus.ACTIVE),
    )
    late = (
        select(enrollments.c.id)
        .join(sequences, sequences.c.id == enrollments.c.sequence_id)
        .where(
            enrollments.c.workspace_id == workspace_id,
            enrollments.c.status == str(EnrollmentStatus.ACTIVE),
            enrollments.c.planned_at.is_not(None),
            sequences.c.status == str(SequenceStatus.ACTIVE),
            is_late,
        )
        # The planner waits for no sender: whom one holds now, it looks at in its next turn.
        .with_for_update(of=enrollments, key_share=True, skip_locked=True)
        .cte("late")
    )
    reopened = await conn.execute(
        update(enrollments).where(enrollments.c.id.in_(select(late.c.id))).values(planned_at=None)
    )
    return reopened.rowcount


async def unplanned(conn: AsyncConnection, workspace_id: WorkspaceId, *, limit: int) -> list[EnrollmentId]:
    """Lock the first *limit* enrollments that wait for the planner, in the order of their enrolling."""
    first = (
        select(enrollments.c.id)
        .where(
            enrollments.c.workspace_id == workspace_id,
            enrollments.c.planned_at.is_(None),
            enrollments.c.status == str(EnrollmentStatus.ACTIVE),
        )
        .order_by(enrollments.c.enrolled_at, enrollments.c.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return [EnrollmentId(each) for each in await conn.scalars(first)]


async def in_scope(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    sequence_id: SequenceId | None,
    mailbox_ids: Collection[MailboxId] = (),
) -> list[EnrollmentId]:
    """The active enrollments of a sequence, those that are or may be bound to *mailbox_ids*, or all."""
    chosen = select(enrollments.c.id).where(
        enrollments.c.workspace_id == workspace_id, enrollments.c.status == str(EnrollmentStatus.ACTIVE)
    )
    if sequence_id is not None:
        chosen = chosen.where(enrollments.c.sequence_id == sequence_id)
    if mailbox_ids:
        has_email = exists().where(
            scheduled_emails.c.enrollment_id == enrollments.c.id,
            among(scheduled_emails.c.mailbox_id, mailbox_ids),
            scheduled_emails.c.status == str(EmailStatus.PENDING),
        )
        waits = and_(enrollments.c.mailbox_id.is_(None), enrollments.c.planned_at.is_not(None))
        chosen = chosen.where(or_(among(enrollments.c.mailbox_id, mailbox_ids), has_email, waits))
    found = await conn.scalars(chosen.order_by(enrollments.c.id))
    return [EnrollmentId(each) for each in found]


async def enrollments_for_planning(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    ids: Collection[EnrollmentId],
    *,
    terms: PlanningTerms,
    may_gain: Container[EnrollmentId] = (),
    may_rebind: Container[EnrollmentId] = (),
    also_paused: bool = False,
) -> list[Enrollment]:
    """
    The locked enrollments *ids* with their remaining steps.

    Left out are those that ended meanwhile or, unless *also_paused*, are on hold, and those of an archived
    sequence.

    Those of *may_gain* may take earlier slots, those of *may_rebind* that have not started another mailbox.
    """
    looked_at = [EnrollmentStatus.ACTIVE, *([EnrollmentStatus.PAUSED] if also_paused else [])]
    rows = await conn.execute(
        select(enrollments, contacts.c.zone.label("contact_zone"))
        .join(contacts, contacts.c.id == enrollments.c.contact_id)
        .where(
            enrollments.c.workspace_id == workspace_id,
            enrollments.c.status.in_([str(status) for status in looked_at]),
            among(enrollments.c.id, ids),
        )
        .order_by(enrollments.c.id)
    )
    emails = await _emails_of(conn, workspace_id, ids)
    steps_of = await _steps_of(conn, workspace_id, terms)
    found = []
    for row in rows:
        if (its_terms := terms.sequences.get(SequenceId(row.sequence_id))) is not None:
            history = _History(row.next_position, emails.get(row.id, ()), steps_of[row.sequence_id])
            found.append(
                _enrollment(
                    row,
                    its_terms,
                    history,
                    terms,
                    may_gain=row.id in may_gain,
                    may_rebind=row.id in may_rebind,
                )
            )
    return found


class _History:
    """What was sent of an itinerary, what is on its way, and what remains from its next step on."""

    def __init__(self, next_position: int, emails: Sequence[_Row], live_steps: Sequence[_Row]) -> None:
        self.pending = {email.step_id: email for email in emails if email.status == EmailStatus.PENDING}
        gone = [email for email in emails if email.status != EmailStatus.PENDING]
        self.has_started = bool(gone)
        self.last_window_day = max((email.window_day for email in gone if email.window_day), default=None)
        done = {email.step_id for email in gone}
        self.remaining = [
            step for step in live_steps if step.position >= next_position and step.id not in done
        ]

    def legs(self, *, loses: MoveCause | None) -> tuple[Leg, ...]:
        return tuple(self._leg(step, loses) for step in self.remaining)

    def _leg(self, step: _Row, loses: MoveCause | None) -> Leg:
        email = self.pending.get(step.id)
        held = None
        if email is not None and email.send_at is not None:
            held = Slot(MailboxId(email.mailbox_id), email.send_at, email.window_day, email.send_day)
            if loses is None and email.released_because is not None:
                loses = MoveCause.RELEASED
        return Leg(
            StepId(step.id),
            step.position,
            step.wait_days,
            email_id=None if email is None else EmailId(email.id),
            held=held,
            loses_slot=loses if held is not None else None,
        )


def _enrollment(
    row: _Row,
    its_terms: Terms,
    history: _History,
    terms: PlanningTerms,
    *,
    may_gain: bool,
    may_rebind: bool,
) -> Enrollment:
    mailbox_id = None if row.mailbox_id is None else MailboxId(row.mailbox_id)
    sequence = its_terms.for_zone(row.contact_zone)
    is_leaving = False
    if mailbox_id is not None:
        status = terms.statuses[mailbox_id]
        if mailbox_id not in sequence.mailbox_ids:
            status = MailboxStatus.REMOVED
        is_leaving = status is not MailboxStatus.ACTIVE and its_terms.when_mailbox_is(status) == "TRANSFER"
    return Enrollment(
        id=EnrollmentId(row.id),
        sequence=sequence,
        enrolled_at=row.enrolled_at,
        legs=history.legs(loses=MoveCause.MAILBOX_HANDED_OVER if is_leaving else None),
        mailbox_id=mailbox_id,
        last_window_day=history.last_window_day or row.last_window_day,
        not_before=row.next_not_before,
        may_change_mailbox=is_leaving or (may_rebind and not history.has_started),
        may_gain=may_gain,
    )


async def _emails_of(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> dict[Any, list[_Row]]:
    columns = scheduled_emails.c
    rows = await conn.execute(
        select(
            columns.id,
            columns.enrollment_id,
            columns.step_id,
            columns.status,
            columns.mailbox_id,
            columns.send_at,
            columns.window_day,
            columns.send_day,
            columns.released_because,
        ).where(
            columns.workspace_id == workspace_id,
            among(columns.enrollment_id, ids),
            columns.status != str(EmailStatus.CANCELLED),
        )
    )
    grouped: dict[Any, list[_Row]] = {}
    for row in rows:
        grouped.setdefault(row.enrollment_id, []).append(row)
    return grouped


async def _steps_of(
    conn: AsyncConnection, workspace_id: WorkspaceId, terms: PlanningTerms
) -> dict[Any, list[_Row]]:
    rows = await conn.execute(
        select(steps.c.id, steps.c.sequence_id, steps.c.position, steps.c.wait_days)
        .where(
            steps.c.workspace_id == workspace_id,
            steps.c.removed_at.is_(None),
            among(steps.c.sequence_id, list(terms.sequences)),
        )
        .order_by(steps.c.sequence_id, steps.c.position)
    )
    grouped: dict[Any, list[_Row]] = {sequence_id: [] for sequence_id in terms.sequences}
    for row in rows:
        grouped[row.sequence_id].append(row)
    return grouped
