"""The days on which contacts in several enrollments are written to, where these are to be apart."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.contact_gap import ContactDay, ContactGap
from domain.ids import ContactId, EnrollmentId, WorkspaceId
from domain.lifecycle import EmailStatus
from persistence.arrays import among
from persistence.bulk_rows import fetch_tuples
from persistence.planning_terms import PlanningTerms
from persistence.statements import Statement
from persistence.tables import enrollments, scheduled_emails, sequences
from persistence.taken_slots import TAKING

_columns = scheduled_emails.c
_others = enrollments.alias("others")
_IS_URGENT = sequences.c.priority > 0


def has_other_enrollments() -> ColumnElement[bool]:
    """Whether the contact of an enrollment has others too, whatever became of these."""
    beside = and_(_others.c.contact_id == enrollments.c.contact_id, _others.c.id != enrollments.c.id)
    return exists().where(beside).correlate(enrollments)


async def contact_gap(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    ids: Collection[EnrollmentId],
    *,
    since: date,
    planned: Collection[EnrollmentId],
    terms: PlanningTerms,
) -> ContactGap | None:
    """
    What the gap of their contacts means for the enrollments *ids*, whose emails leave on *since* or later.

    Pending emails of *planned* are left out. None, and nothing is read, where contacts need no gap.
    """
    days = terms.contact_min_gap_days
    if days is None:
        return None
    contacts = await _shared_contacts(conn, workspace_id, ids)
    taken: dict[ContactId, list[ContactDay]] = {}
    if contacts:
        # Of the others in *planned* nobody shares a contact.
        free = contacts.keys() & frozenset(planned)
        rows = await _written_to(
            conn, workspace_id, frozenset(contacts.values()), since=since - timedelta(days=days), free=free
        )
        for contact_id, enrollment_id, window_day in rows:
            day = ContactDay(EnrollmentId(enrollment_id), window_day)
            taken.setdefault(ContactId(contact_id), []).append(day)
    return ContactGap(days, contacts, taken)


async def _shared_contacts(
    conn: AsyncConnection, workspace_id: WorkspaceId, ids: Collection[EnrollmentId]
) -> dict[EnrollmentId, ContactId]:
    """The contacts of those of *ids* that are not the only enrollment of theirs."""
    rows = await fetch_tuples(
        conn,
        select(enrollments.c.id, enrollments.c.contact_id)
        .join(sequences, sequences.c.id == enrollments.c.sequence_id)
        .where(
            enrollments.c.workspace_id == workspace_id,
            among(enrollments.c.id, ids),
            ~_IS_URGENT,
            has_other_enrollments(),
        ),
    )
    return {EnrollmentId(enrollment_id): ContactId(contact_id) for enrollment_id, contact_id in rows}


# Any: ids of contacts and enrollments, and a date.
async def _written_to(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    contact_ids: Collection[ContactId],
    *,
    since: date,
    free: Collection[EnrollmentId],
) -> list[tuple[Any, ...]]:
    """The window days of all emails of *contact_ids*, but for the pending ones of *free*."""
    is_free = and_(_columns.status == str(EmailStatus.PENDING), among(_columns.enrollment_id, free))
    return await fetch_tuples(
        conn,
        select(_columns.contact_id, _columns.enrollment_id, _columns.window_day)
        .join(sequences, sequences.c.id == _columns.sequence_id)
        .where(
            _columns.workspace_id == workspace_id,
            among(_columns.contact_id, contact_ids),
            _columns.status.in_([str(status) for status in TAKING]),
            _columns.window_day > since,
            ~_IS_URGENT,
            ~is_free,
        ),
    )


# Taken in one order, and by nobody who then waits for a row.
_HOLD = Statement(
    text("""
SELECT count(pg_advisory_xact_lock(key)) AS held
FROM (
    SELECT DISTINCT hashtextextended('drumbeat contact ' || id, 0) AS key
    FROM unnest(CAST(:ids AS uuid[])) AS given (id) ORDER BY key OFFSET 0
) AS contact
""")
)
# What begins now leaves today, whatever day it was planned for.
_LEFT = Statement(
    text("""
SELECT contact_id, enrollment_id, window_day
FROM (
    SELECT e.contact_id, e.enrollment_id, e.sequence_id,
        CASE WHEN e.status = 'SENDING' THEN greatest(e.window_day, e.quota_day) ELSE e.window_day END
            AS window_day
    FROM scheduled_emails AS e
    WHERE e.contact_id = ANY(CAST(:ids AS uuid[]))
        AND e.status IN ('SENDING', 'COMMITTING', 'SENT', 'IN_DOUBT')
) AS e
JOIN sequences AS q ON q.id = e.sequence_id
WHERE q.priority <= 0 AND e.window_day > :since
""")
)


async def hold_days_left(
    conn: AsyncConnection, contact_ids: Collection[ContactId], *, since: date
) -> dict[ContactId, list[ContactDay]]:
    """
    The days after *since* on which emails to *contact_ids* left or are leaving.

    Until the end of the transaction nobody else is told of the same contacts: of two emails that begin in
    the same moment, the second one sees the first. The caller holds all rows that it changes already.
    """
    await _HOLD.run(conn, ids=list(contact_ids))
    left: dict[ContactId, list[ContactDay]] = {}
    for row in await _LEFT.rows(conn, ids=list(contact_ids), since=since):
        day = ContactDay(EnrollmentId(row.enrollment_id), row.window_day)
        left.setdefault(ContactId(row.contact_id), []).append(day)
    return left
