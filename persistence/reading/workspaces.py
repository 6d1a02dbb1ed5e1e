"""Reading workspaces."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.arrays import among
from persistence.reading.pages import AnyRow
from persistence.tables import workspaces


async def workspaces_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """The caller's own workspace, when it is among *ids*."""
    mine = select(workspaces).where(workspaces.c.id == workspace_id, among(workspaces.c.id, ids))
    return (await conn.execute(mine)).all()
