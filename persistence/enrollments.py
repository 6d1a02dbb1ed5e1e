"""Enrollments: contacts put on their way through a sequence, each once at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Uuid, and_, literal, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, SequenceId, WorkspaceId
from domain.lifecycle import (
    SEQUENCE,
    ContactStatus,
    SequenceEvent,
    SequenceStatus,
)
from persistence.arrays import among, unnested
from persistence.bulk_rows import count_written
from persistence.database import notify
from persistence.ids import uuid7s
from persistence.locks import lock_row, share_rows
from persistence.refusals import IsBatch, NotInStatus, Noun, UnknownObject
from persistence.tables import contacts, enrollments, sequences, suppressions
from persistence.transitions import transition

# Who was deleted, and who never was.
_UNKNOWN = (ContactStatus.DELETED, None)
_TAKES_CONTACTS = (SequenceStatus.DRAFT, SequenceStatus.ACTIVE, SequenceStatus.COMPLETED)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What became of the contacts that were to be enrolled, in numbers."""

    enrolled: int
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
    unreachable = await _hold(conn, workspace_id, wanted)
    eligible = [each for each in wanted if each not in unreachable] if unreachable else wanted
    departures = [departs(number) if departs else None for number in range(len(eligible))]
    enrolled = await _insert(
        conn, workspace_id, sequence_id, contact_ids=eligible, departures=departures, now=now
    )
    if enrolled:
        await conn.execute(
            transition(SEQUENCE, sequences, SequenceEvent.REOPEN)
            .where(sequences.c.workspace_id == workspace_id, sequences.c.id == sequence_id)
            .values(completed_at=None, version=sequences.c.version + 1)
        )
        await notify(conn, "plan")
    return Enrolled(
        enrolled,
        already_enrolled=len(contact_ids) - len(unreachable) - enrolled,
        suppressed=len(unreachable),
    )


# Locked by id. Only those are answered whose status is not the usual one, or who are not there: few, if any.
_HOLD = text("""
WITH held AS MATERIALIZED (
    SELECT id, status FROM contacts
    WHERE workspace_id = :workspace_id AND id = ANY(CAST(:contact_ids AS uuid[]))
    ORDER BY id FOR SHARE
)
SELECT wanted.id, held.status
FROM unnest(CAST(:contact_ids AS uuid[])) AS wanted (id) LEFT JOIN held ON held.id = wanted.id
WHERE held.status IS DISTINCT FROM 'ACTIVE'
""")


async def _hold(
    conn: AsyncConnection, workspace_id: WorkspaceId, contact_ids: Sequence[ContactId]
) -> set[ContactId]:
    """Keep the contacts as they are until the end, then see which of them may not be written to."""
    found = await conn.execute(_HOLD, {"workspace_id": workspace_id, "contact_ids": contact_ids})
    statuses: dict[ContactId, str | None] = {ContactId(row.id): row.status for row in found}
    if unknown := [each for each, status in statuses.items() if status in _UNKNOWN]:
        raise UnknownObject(Noun.CONTACT, unknown)
    suppressed = await conn.scalars(
        select(contacts.c.id)
        .join(
            suppressions,
            and_(
                suppressions.c.workspace_id == contacts.c.workspace_id,
                suppressions.c.address == contacts.c.normalised_email,
            ),
        )
        .where(contacts.c.workspace_id == workspace_id, among(contacts.c.id, contact_ids))
    )
    return statuses.keys() | set(map(ContactId, suppressed))


async def _insert(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    contact_ids: Sequence[ContactId],
    departures: Sequence[datetime | None],
    now: datetime,
) -> int:
    """
    Insert those who are not on their way already; how many it was.

    Their ids are in the order given; they are written in the order of their contacts, or two calls with the
    same ones in opposite orders would wait for each other.
    """
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
    ).order_by(given.c.contact_id)
    return await count_written(
        conn,
        insert(enrollments)
        .from_select(
            ["id", "contact_id", "next_not_before", "workspace_id", "sequence_id", "enrolled_at"], rows
        )
        .on_conflict_do_nothing(
            index_elements=[enrollments.c.sequence_id, enrollments.c.contact_id],
            index_where=text("status IN ('ACTIVE', 'PAUSED')"),
        ),
    )
