"""Reading the audit log."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, number_key
from persistence.tables import audit_log

ORDER = Order((number_key(audit_log.c.id),))


def entries_where(
    workspace_id: UUID,
    *,
    object_id: UUID | None = None,
    actor: str | None = None,
    actions: Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AnySelect:
    """Entries from *since* on and before *until*."""
    found = select(audit_log).where(audit_log.c.workspace_id == workspace_id)
    if object_id is not None:
        found = found.where(audit_log.c.object_id == object_id)
    if actor is not None:
        found = found.where(audit_log.c.actor == actor)
    if actions is not None:
        found = found.where(audit_log.c.action.in_(actions))
    if since is not None:
        found = found.where(audit_log.c.at >= since)
    if until is not None:
        found = found.where(audit_log.c.at < until)
    return found


async def entries_by_id(conn: AsyncConnection, workspace_id: UUID, ids: Collection[int]) -> Sequence[AnyRow]:
    return (await conn.execute(entries_where(workspace_id).where(among(audit_log.c.id, ids)))).all()
