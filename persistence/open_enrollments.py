"""The enrollments that planning looks at: on their way, with every step that has still to be sent."""

from collections.abc import Collection, Container, Mapping
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.enrollments import Enrollment
from domain.ids import EnrollmentId, MailboxId, StepId, WorkspaceId
from domain.itineraries import Leg, MoveCause
from domain.lifecycle import EmailPhase, EmailStatus, EnrollmentStatus, MailboxStatus, SequenceStatus
from domain.rebalances import RebalanceScope
from persistence.arrays import among
from persistence.bulk_rows import fetch_tuples
from persistence.histories import History, emails_of
from persistence.planning_terms import PlanningTerms, Terms
from persistence.recipient_domains import recipient_domain
from persistence.stored_waits import WAIT_COLUMNS, read_wait
from persistence.tables import (
    contacts,
    enrollments,
    mailboxes,
    scheduled_emails,
    sequences,
    steps,
    workspaces,
)


async def reopen_late(conn: AsyncConnection, workspace_id: WorkspaceId, *, late_since: datetime) -> int:
    """
    Ask for a new slot for what an outage or a pause left behind: pending since before *late_since*.

    Where all sending is paused, nothing is: it keeps its time until the pause ends.
    """
    left_behind = (
        select(scheduled_emails.c.enrollment_id)
        .join(mailboxes, mailboxes.c.id == scheduled_emails.c.mailbox_id)
        .where(
            scheduled_emails.c.workspace_id == workspace_id,
            scheduled_emails.c.phase == str(EmailPhase.PENDING),
            scheduled_emails.c.send_at <= late_since,
            mailboxes.c.status == str(MailboxStatus.ACTIVE),
            ~exists().where(workspaces.c.id == workspace_id, workspaces.c.sending_paused_at.is_not(None)),
        )
        .cte("left_behind")
        # Found first, by its index: of enrollments just written PostgreSQL thinks that they are few.
        .prefix_with("MATERIALIZED")
    )
    late = (
        select(enrollments.c.id)
        .join(sequences, sequences.c.id == enrollments.c.sequence_id)
        .where(
            enrollments.c.workspace_id == workspace_id,
            enrollments.c.status == str(EnrollmentStatus.ACTIVE),
            enrollments.c.planned_at.is_not(None),
            sequences.c.status == str(SequenceStatus.ACTIVE),
            enrollments.c.id.in_(select(left_behind.c.enrollment_id)),
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
    return [EnrollmentId(enrollment_id) for (enrollment_id,) in await fetch_tuples(conn, first)]


def is_in_scope(scope: RebalanceScope) -> ColumnElement[bool]:
    """Whether an enrollment is of the sequence of *scope*, and is or may be bound to one of its mailboxes."""
    conditions = [enrollments.c.status == str(EnrollmentStatus.ACTIVE)]
    if scope.sequence_id is not None:
        conditions.append(enrollments.c.sequence_id == scope.sequence_id)
    if scope.mailbox_ids:
        has_email = (
            exists()
            .where(
                scheduled_emails.c.enrollment_id == enrollments.c.id,
                among(scheduled_emails.c.mailbox_id, scope.mailbox_ids),
                scheduled_emails.c.status == str(EmailStatus.PENDING),
            )
            .correlate(enrollments)
        )
        waits = and_(enrollments.c.mailbox_id.is_(None), enrollments.c.planned_at.is_not(None))
        conditions.append(or_(among(enrollments.c.mailbox_id, scope.mailbox_ids), has_email, waits))
    return and_(*conditions)


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
    rows = await fetch_tuples(
        conn,
        select(
            *(enrollments.c[name] for name in _Row._fields[:-2]),
            contacts.c.zone,
            recipient_domain(terms.mailboxes.values()),
        )
        .join(contacts, contacts.c.id == enrollments.c.contact_id)
        .where(
            enrollments.c.workspace_id == workspace_id,
            enrollments.c.status.in_([str(status) for status in looked_at]),
            among(enrollments.c.id, ids),
        )
        .order_by(enrollments.c.id),
    )
    emails = await emails_of(conn, workspace_id, ids)
    steps_of = await _steps_of(conn, workspace_id, terms)
    # By the numbers of ids: a UUID hashes itself in Python, and there are tens of thousands.
    courses = {
        sequence_id.int: _Course(its_terms, terms.statuses, steps_of[sequence_id])
        for sequence_id, its_terms in terms.sequences.items()
    }
    found = []
    for row in map(_Row._make, rows):
        if (course := courses.get(row.sequence_id.int)) is not None:
            history = History(row.next_position, emails.get(row.id.int, ()), course.steps)
            gains, rebinds = row.id in may_gain, row.id in may_rebind
            found.append(_enrollment(row, course, history, may_gain=gains, may_rebind=rebinds))
    return found


class _Row(NamedTuple):
    id: UUID
    sequence_id: UUID
    mailbox_id: UUID | None
    enrolled_at: datetime
    next_position: int
    next_not_before: datetime | None
    last_window_day: date | None
    displaced_at: datetime | None
    contact_zone: str | None
    recipient_domain: str | None


class _Course:
    """The *terms* and live *steps* of a sequence, and which of its mailboxes hand their enrollments over."""

    def __init__(self, terms: Terms, statuses: Mapping[MailboxId, MailboxStatus], steps: list[Leg]) -> None:
        self.terms = terms
        self.steps = steps
        self._statuses = statuses
        self._hands_over: dict[int, bool] = {}

    def hands_over(self, mailbox_id: MailboxId) -> bool:
        known = self._hands_over.get(mailbox_id.int)
        if known is None:
            status = self._statuses[mailbox_id]
            if mailbox_id not in self.terms.linked:
                status = MailboxStatus.REMOVED
            known = status is not MailboxStatus.ACTIVE and self.terms.when_mailbox_is(status) == "TRANSFER"
            self._hands_over[mailbox_id.int] = known
        return known


def _enrollment(
    row: _Row, course: _Course, history: History, *, may_gain: bool, may_rebind: bool
) -> Enrollment:
    mailbox_id = None if row.mailbox_id is None else MailboxId(row.mailbox_id)
    is_leaving = mailbox_id is not None and course.hands_over(mailbox_id)
    # Days on hold have moved the enrollment's own.
    last_window_days = [day for day in (history.last_window_day, row.last_window_day) if day is not None]
    return Enrollment(
        id=EnrollmentId(row.id),
        sequence=course.terms.for_zone(row.contact_zone),
        enrolled_at=row.enrolled_at,
        legs=history.legs(loses=MoveCause.MAILBOX_HANDED_OVER if is_leaving else None),
        mailbox_id=mailbox_id,
        last_window_day=max(last_window_days, default=None),
        left_at=history.left_at,
        not_before=row.next_not_before,
        may_change_mailbox=is_leaving or (may_rebind and history.may_rebind),
        may_gain=may_gain,
        displaced_at=row.displaced_at,
        recipient_domain=row.recipient_domain,
    )


async def _steps_of(
    conn: AsyncConnection, workspace_id: WorkspaceId, terms: PlanningTerms
) -> dict[UUID, list[Leg]]:
    """The live steps of each sequence, as the legs of whoever has no email of them yet."""
    rows = await conn.execute(
        select(steps.c.id, steps.c.sequence_id, steps.c.position, *WAIT_COLUMNS)
        .where(
            steps.c.workspace_id == workspace_id,
            steps.c.removed_at.is_(None),
            among(steps.c.sequence_id, list(terms.sequences)),
        )
        .order_by(steps.c.sequence_id, steps.c.position)
    )
    grouped: dict[UUID, list[Leg]] = {sequence_id: [] for sequence_id in terms.sequences}
    for row in rows:
        grouped[row.sequence_id].append(Leg(StepId(row.id), row.position, read_wait(row._mapping)))
    return grouped
