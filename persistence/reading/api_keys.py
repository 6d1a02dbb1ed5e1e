"""Reading API keys: everything but the keys."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.tables import api_keys

ORDER = Order((uuid_key(api_keys.c.id),))
SHOWN = tuple(column for column in api_keys.c if column.name != "key_hash")


def api_keys_where(workspace_id: UUID) -> AnySelect:
    """Keys, revoked and expired ones too."""
    return select(*SHOWN).where(api_keys.c.workspace_id == workspace_id)


async def api_keys_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    found = api_keys_where(workspace_id).where(among(api_keys.c.id, ids))
    return (await conn.execute(found)).all()
