"""Reading enrollments."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import EnrollmentStatus
from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.tables import enrollments

# Ids grow with time: it is the order in which contacts were enrolled, by the key that the table has anyway.
ORDER = Order((uuid_key(enrollments.c.id),))

_USUAL = frozenset({EnrollmentStatus.ACTIVE, EnrollmentStatus.COMPLETED})


def enrollments_where(
    workspace_id: UUID,
    *,
    statuses: Collection[EnrollmentStatus] | None = None,
    sequence_id: UUID | None = None,
    sequence_ids: Collection[UUID] | None = None,
    contact_id: UUID | None = None,
    contact_ids: Collection[UUID] | None = None,
    mailbox_id: UUID | None = None,
    updated_since: datetime | None = None,
) -> AnySelect:
    found = select(enrollments).where(enrollments.c.workspace_id == workspace_id)
    if statuses is not None:
        found = found.where(among(enrollments.c.status, statuses))
        if not _USUAL.intersection(statuses):
            # As it stands in the index of these few.
            found = found.where(*(enrollments.c.status != literal_column(f"'{each}'") for each in _USUAL))
    if sequence_id is not None:
        found = found.where(enrollments.c.sequence_id == sequence_id)
    if sequence_ids is not None:
        found = found.where(among(enrollments.c.sequence_id, sequence_ids))
    if contact_id is not None:
        found = found.where(enrollments.c.contact_id == contact_id)
    if contact_ids is not None:
        found = found.where(among(enrollments.c.contact_id, contact_ids))
    if mailbox_id is not None:
        found = found.where(enrollments.c.mailbox_id == mailbox_id)
    if updated_since is not None:
        found = found.where(enrollments.c.updated_at >= updated_since)
    return found


async def enrollments_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    found = select(enrollments).where(
        enrollments.c.workspace_id == workspace_id, among(enrollments.c.id, ids)
    )
    return (await conn.execute(found)).all()
