"""Reading contacts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import ContactStatus
from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.tables import contacts

ORDER = Order((uuid_key(contacts.c.id),))


def contacts_where(
    workspace_id: UUID,
    *,
    statuses: Collection[ContactStatus] | None = None,
    normalised_email: str | None = None,
    updated_since: datetime | None = None,
) -> AnySelect:
    """Contacts; deleted ones only when *statuses* asks for them."""
    found = select(contacts).where(contacts.c.workspace_id == workspace_id)
    if statuses is None:
        found = found.where(contacts.c.status != ContactStatus.DELETED)
    else:
        found = found.where(among(contacts.c.status, statuses))
    if normalised_email is not None:
        found = found.where(contacts.c.normalised_email == normalised_email)
    if updated_since is not None:
        found = found.where(contacts.c.updated_at >= updated_since)
    return found


async def contacts_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    found = select(contacts).where(contacts.c.workspace_id == workspace_id, among(contacts.c.id, ids))
    return (await conn.execute(found)).all()
