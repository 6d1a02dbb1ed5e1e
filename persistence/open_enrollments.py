"""The enrollments that planning looks at: on their way, with every step that has still to be sent."""

from collections.abc import Collection, Container
from datetime import datetime

from sqlalchemy import ColumnElement, Text, and_, exists, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.enrollments import Enrollment
from domain.ids import EnrollmentId, WorkspaceId
from domain.keeping import LATE_AFTER
from domain.lifecycle import EmailPhase, EmailStatus, EnrollmentStatus, MailboxStatus, SequenceStatus
from domain.rebalances import RebalanceScope
from persistence.arrays import among
from persistence.bulk_rows import fetch_tuples
from persistence.courses import Course, Row, steps_of
from persistence.histories import emails_of
from persistence.planning_terms import PlanningTerms
from persistence.recipient_domains import recipient_domain
from persistence.tables import (
    contacts,
    enrollments,
    mailboxes,
    scheduled_emails,
    sequences,
    workspaces,
)

# The emails of so many enrollments are read together: those of 50,000 at once took 100 MB more.
_AT_ONCE = 10_000


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
            scheduled_emails.c.phase == str(EmailPhase.OPEN),
            scheduled_emails.c.status == str(EmailStatus.PENDING),
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


async def next_turn(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, now: datetime, limit: int | None = None
) -> list[EnrollmentId]:
    """Lock the first *limit* that the planner looks at next: what was left behind, and what waits for it."""
    await reopen_late(conn, workspace_id, late_since=now - LATE_AFTER)
    return await unplanned(conn, workspace_id, limit=limit)


async def unplanned(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, limit: int | None
) -> list[EnrollmentId]:
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
    if scope.enrollment_id is not None:
        conditions.append(enrollments.c.id == scope.enrollment_id)
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
    people = enrollments.join(contacts, contacts.c.id == enrollments.c.contact_id)
    boxes = terms.mailboxes.values()
    rows = await fetch_tuples(
        conn,
        select(
            enrollments.c.id,
            func.uuid_send(enrollments.c.sequence_id),
            func.uuid_send(enrollments.c.mailbox_id),
            *(enrollments.c[name] for name in Row._fields[3:-2]),
            contacts.c.zone if terms.uses_contact_zones else literal(None, Text),
            recipient_domain(boxes),
        )
        .select_from(people if terms.asks_for_contacts(boxes) else enrollments)
        .where(
            enrollments.c.workspace_id == workspace_id,
            enrollments.c.status.in_([str(status) for status in looked_at]),
            among(enrollments.c.id, ids),
        )
        .order_by(enrollments.c.id),
    )
    steps = await steps_of(conn, workspace_id, terms)
    by_bytes = {each.bytes: each for each in terms.mailboxes}
    courses = {
        sequence_id.bytes: Course(its_terms, terms.statuses, by_bytes, steps[sequence_id])
        for sequence_id, its_terms in terms.sequences.items()
    }
    found = []
    for first in range(0, len(rows), _AT_ONCE):
        some = [Row._make(row) for row in rows[first : first + _AT_ONCE]]
        emails = await emails_of(conn, workspace_id, [EnrollmentId(row.id) for row in some])
        for row in some:
            if (course := courses.get(row.sequence_id)) is not None:
                theirs = emails.get(row.id.bytes, ())
                gains, rebinds = row.id in may_gain, row.id in may_rebind
                found.append(course.enrollment(row, theirs, may_gain=gains, may_rebind=rebinds))
    return found
