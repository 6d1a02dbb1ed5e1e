"""Enrollments: contacts put on their way through a sequence, each once at a time."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Uuid, and_, literal, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, EnrollmentId, SequenceId, WorkspaceId
from domain.lifecycle import (
    SEQUENCE,
    ContactStatus,
    SequenceEvent,
    SequenceStatus,
)
from persistence.arrays import among, unnested
from persistence.bulk_rows import fetch_tuples
from persistence.database import notify
from persistence.ids import uuid7s
from persistence.locks import lock_row, share_rows
from persistence.refusals import IsBatch, NotInStatus, Noun, UnknownObject
from persistence.tables import contacts, enrollments, sequences, suppressions
from persistence.transitions import transition

_TAKES_CONTACTS = (SequenceStatus.DRAFT, SequenceStatus.ACTIVE, SequenceStatus.COMPLETED)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What became of the contacts that were to be enrolled."""

    enrollment_ids: tuple[EnrollmentId, ...]
    already_enrolled: int
    suppressed: int


async def hold_for_enrolling(
    conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId
) -> None:
    """
    Keep the sequence in its status while contacts are enrolled; others may enroll into it meanwhile.

    Raises:
        UnknownObject: The workspace has no such sequence.
        IsBatch: Its contacts came with it.
        NotInStatus: It takes no contacts.
    """
    found = await conn.execute(
        select(sequences.c.status, sequences.c.kind).where(
            sequences.c.workspace_id == workspace_id, sequences.c.id == sequence_id
        )
    )
    seen = found.one_or_none()
    if seen is not None and seen.kind == "ONE_OFF":
        raise IsBatch
    # Reopening writes the row; two that share it first would then wait for each other.
    if seen is not None and seen.status == SequenceStatus.COMPLETED:
        held = await lock_row(conn, sequences, Noun.SEQUENCE, workspace_id=workspace_id, row_id=sequence_id)
        status = held.status
    else:
        statuses = await share_rows(
            conn, sequences, Noun.SEQUENCE, workspace_id=workspace_id, row_ids=[sequence_id]
        )
        status = statuses[sequence_id]
    if status not in _TAKES_CONTACTS:
        raise NotInStatus(Noun.SEQUENCE, status)


async def enroll(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    contact_ids: Sequence[ContactId],
    now: datetime,
    departs: Callable[[int], datetime] | None = None,
) -> Enrolled:
    """
    Put contacts on their way through a held sequence, in the order given; the planner hears of it.

    A contact is on its way through a sequence once at a time. One that is suppressed, bounced or
    unsubscribed is left out. A completed sequence is reopened if anyone was enrolled. Nobody is written to
    before the instant that *departs* answers for their number, from 0.

    Raises:
        UnknownObject: The workspace lacks some of the contacts; nobody was enrolled.
    """
    wanted = list(dict.fromkeys(contact_ids))
    reachable = await _hold_reachable(conn, workspace_id, wanted)
    eligible = [contact_id for contact_id in wanted if contact_id in reachable]
    departures = [departs(number) if departs else None for number in range(len(eligible))]
    enrollment_ids = await _insert(
        conn, workspace_id, sequence_id, contact_ids=eligible, departures=departures, now=now
    )
    if enrollment_ids:
        await conn.execute(
            transition(SEQUENCE, sequences, SequenceEvent.REOPEN)
            .where(sequences.c.workspace_id == workspace_id, sequences.c.id == sequence_id)
            .values(completed_at=None, version=sequences.c.version + 1)
        )
        await notify(conn, "plan")
    suppressed = len(wanted) - len(eligible)
    return Enrolled(
        enrollment_ids,
        already_enrolled=len(contact_ids) - suppressed - len(enrollment_ids),
        suppressed=suppressed,
    )


async def _hold_reachable(
    conn: AsyncConnection, workspace_id: WorkspaceId, contact_ids: Collection[ContactId]
) -> set[ContactId]:
    """Keep the contacts as they are until the end, then see which of them may be written to."""
    statuses = await share_rows(conn, contacts, Noun.CONTACT, workspace_id=workspace_id, row_ids=contact_ids)
    if deleted := [each for each, status in statuses.items() if status == ContactStatus.DELETED]:
        raise UnknownObject(Noun.CONTACT, deleted)
    # Those who are, and not those who are not: few, if any.
    suppressed = await fetch_tuples(
        conn,
        select(contacts.c.id)
        .join(
            suppressions,
            and_(
                suppressions.c.workspace_id == contacts.c.workspace_id,
                suppressions.c.address == contacts.c.normalised_email,
            ),
        )
        .where(contacts.c.workspace_id == workspace_id, among(contacts.c.id, contact_ids)),
    )
    active = {ContactId(each) for each, status in statuses.items() if status == ContactStatus.ACTIVE}
    return active.difference(ContactId(contact_id) for (contact_id,) in suppressed)


async def _insert(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    contact_ids: Sequence[ContactId],
    departures: Sequence[datetime | None],
    now: datetime,
) -> tuple[EnrollmentId, ...]:
    given = unnested(
        {"id": Uuid(), "contact_id": Uuid(), "next_not_before": DateTime(timezone=True)},
        {
            "id": [UUID(bytes=each) for each in uuid7s(len(contact_ids))],
            "contact_id": contact_ids,
            "next_not_before": departures,
        },
    )
    rows = select(
        given.c.id,
        given.c.contact_id,
        given.c.next_not_before,
        literal(workspace_id, Uuid),
        literal(sequence_id, Uuid),
        literal(now, enrollments.c.enrolled_at.type),
    ).order_by(given.c.ordinal)
    inserted = await fetch_tuples(
        conn,
        insert(enrollments)
        .from_select(
            ["id", "contact_id", "next_not_before", "workspace_id", "sequence_id", "enrolled_at"], rows
        )
        .on_conflict_do_nothing(
            index_elements=[enrollments.c.sequence_id, enrollments.c.contact_id],
            index_where=text("status IN ('ACTIVE', 'PAUSED')"),
        )
        .returning(enrollments.c.id),
    )
    return tuple([EnrollmentId(enrollment_id) for (enrollment_id,) in inserted])
