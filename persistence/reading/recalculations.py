"""Reading recalculations."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.recalculations import RecalculationCause, RecalculationStatus
from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.tables import recalculations

ORDER = Order((uuid_key(recalculations.c.id),))


def recalculations_where(
    workspace_id: UUID,
    *,
    statuses: Collection[RecalculationStatus] | None = None,
    causes: Collection[RecalculationCause] | None = None,
    sequence_id: UUID | None = None,
    mailbox_id: UUID | None = None,
    updated_since: datetime | None = None,
) -> AnySelect:
    found = select(recalculations).where(recalculations.c.workspace_id == workspace_id)
    if statuses is not None:
        found = found.where(among(recalculations.c.status, statuses))
    if causes is not None:
        found = found.where(among(recalculations.c.cause, causes))
    if sequence_id is not None:
        found = found.where(recalculations.c.sequence_id == sequence_id)
    if mailbox_id is not None:
        found = found.where(recalculations.c.mailbox_id == mailbox_id)
    if updated_since is not None:
        found = found.where(recalculations.c.updated_at >= updated_since)
    return found


async def recalculations_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    found = select(recalculations).where(
        recalculations.c.workspace_id == workspace_id, among(recalculations.c.id, ids)
    )
    return (await conn.execute(found)).all()
