"""Reading alerts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import AlertKind, AlertSeverity
from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, uuid_key
from persistence.tables import alerts

ORDER = Order((uuid_key(alerts.c.id),))


def alerts_where(
    workspace_id: UUID,
    *,
    kinds: Collection[AlertKind] | None = None,
    severities: Collection[AlertSeverity] | None = None,
    is_open: bool | None = None,
    mailbox_id: UUID | None = None,
    updated_since: datetime | None = None,
) -> AnySelect:
    found = select(alerts).where(alerts.c.workspace_id == workspace_id)
    if kinds is not None:
        found = found.where(alerts.c.kind.in_(kinds))
    if severities is not None:
        found = found.where(alerts.c.severity.in_(severities))
    if is_open is not None:
        found = found.where(alerts.c.closed_at.is_(None) == is_open)
    if mailbox_id is not None:
        found = found.where(alerts.c.mailbox_id == mailbox_id)
    if updated_since is not None:
        found = found.where(alerts.c.updated_at >= updated_since)
    return found


async def alerts_by_id(conn: AsyncConnection, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[AnyRow]:
    found = select(alerts).where(alerts.c.workspace_id == workspace_id, among(alerts.c.id, ids))
    return (await conn.execute(found)).all()


async def open_alerts_of(
    conn: AsyncConnection, workspace_id: UUID, mailbox_ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """The open alerts of several mailboxes, oldest first."""
    found = (
        select(alerts)
        .where(
            alerts.c.workspace_id == workspace_id,
            among(alerts.c.mailbox_id, mailbox_ids),
            alerts.c.closed_at.is_(None),
        )
        .order_by(alerts.c.id)
    )
    return (await conn.execute(found)).all()
