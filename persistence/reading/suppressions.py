"""Reading the suppression list."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.suppressions import SuppressionReason
from persistence.tables import contacts, suppressions

ORDER = Order((uuid_key(suppressions.c.id),))


def suppressions_where(
    workspace_id: UUID,
    *,
    address: str | None = None,
    reasons: Collection[SuppressionReason] | None = None,
    created_since: datetime | None = None,
) -> AnySelect:
    """Suppressed addresses; *address* is normalised."""
    found = select(suppressions).where(suppressions.c.workspace_id == workspace_id)
    if address is not None:
        found = found.where(suppressions.c.address == address)
    if reasons is not None:
        found = found.where(suppressions.c.reason.in_(reasons))
    if created_since is not None:
        found = found.where(suppressions.c.created_at >= created_since)
    return found


async def suppressions_by_id(
    conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]
) -> Sequence[AnyRow]:
    return (await conn.execute(suppressions_where(workspace_id).where(among(suppressions.c.id, ids)))).all()


async def suppressions_of(
    conn: AsyncConnection, workspace_id: UUID, contact_ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """What stands against writing to several contacts, each row with its `contact_id`."""
    standing = (
        select(suppressions, contacts.c.id.label("contact_id"))
        .join(contacts, contacts.c.normalised_email == suppressions.c.address)
        .where(
            suppressions.c.workspace_id == workspace_id,
            contacts.c.workspace_id == workspace_id,
            among(contacts.c.id, contact_ids),
        )
    )
    return (await conn.execute(standing)).all()
