"""Reading batches, each with the state of its sequence."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import SequenceStatus
from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.tables import batches, sequences

ORDER = Order((uuid_key(batches.c.id),))
# A batch never changes; what becomes of it is what becomes of its sequence.
_SHOWN = (
    batches.c.id,
    batches.c.count,
    batches.c.starts_at,
    batches.c.delay_between_emails_s,
    batches.c.hourly_limit,
    batches.c.created_at,
    sequences.c.status,
    sequences.c.completed_at,
    sequences.c.updated_at,
)


def batches_where(
    workspace_id: UUID,
    *,
    statuses: Collection[SequenceStatus] | None = None,
    updated_since: datetime | None = None,
) -> AnySelect:
    found = (
        select(*_SHOWN)
        .join(sequences, sequences.c.id == batches.c.id)
        .where(batches.c.workspace_id == workspace_id)
    )
    if statuses is not None:
        found = found.where(among(sequences.c.status, statuses))
    if updated_since is not None:
        found = found.where(sequences.c.updated_at >= updated_since)
    return found


async def batches_by_id(conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[AnyRow]:
    """Ids of sequences are taken too: those that are no batch have no row."""
    return (await conn.execute(batches_where(workspace_id).where(among(batches.c.id, ids)))).all()
