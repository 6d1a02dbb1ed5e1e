"""Reading API keys: everything but the keys."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.arrays import among
from persistence.reading.pages import AnyRow
from persistence.tables import api_keys

SHOWN = tuple(column for column in api_keys.c if column.name != "key_hash")


async def api_keys_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """Keys, revoked and expired ones too."""
    found = select(*SHOWN).where(api_keys.c.workspace_id == workspace_id, among(api_keys.c.id, ids))
    return (await conn.execute(found)).all()
