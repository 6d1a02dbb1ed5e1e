"""API keys as their workspace sees them: everything but the keys."""

from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Row, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
from persistence.tables import api_keys


# Any: a row has the columns of its table.
async def api_key_by_id(conn: AsyncConnection, workspace_id: WorkspaceId, key_id: UUID) -> Row[Any] | None:
    """The key with this id, revoked or not."""
    found = select(api_keys).where(api_keys.c.workspace_id == workspace_id, api_keys.c.id == key_id)
    return (await conn.execute(found)).one_or_none()


async def api_key_of(conn: AsyncConnection, workspace_id: WorkspaceId, key: str) -> Row[Any]:
    """What is kept of a *key* that was just made."""
    key_hash = func.sha256(literal(key.encode(), LargeBinary))
    found = select(api_keys).where(api_keys.c.workspace_id == workspace_id, api_keys.c.key_hash == key_hash)
    return (await conn.execute(found)).one()
