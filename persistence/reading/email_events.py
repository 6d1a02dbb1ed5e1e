"""Reading what happened to emails, and how often their time was moved."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.lifecycle import EmailEvent
from persistence.arrays import among
from persistence.reading.pages import AnyRow, AnySelect, Order, instant_key, number_key
from persistence.tables import email_events, email_moves

ORDER = Order((instant_key(email_events.c.at), number_key(email_events.c.id)))


def events_where(
    workspace_id: UUID,
    *,
    kinds: Collection[EmailEvent] | None = None,
    email_id: UUID | None = None,
    enrollment_id: UUID | None = None,
    mailbox_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AnySelect:
    """Events from *since* on and before *until*."""
    found = select(email_events).where(email_events.c.workspace_id == workspace_id)
    if kinds is not None:
        found = found.where(among(email_events.c.kind, kinds))
    for column, wanted in (
        (email_events.c.email_id, email_id),
        (email_events.c.enrollment_id, enrollment_id),
        (email_events.c.mailbox_id, mailbox_id),
    ):
        if wanted is not None:
            found = found.where(column == wanted)
    if since is not None:
        found = found.where(email_events.c.at >= since)
    if until is not None:
        found = found.where(email_events.c.at < until)
    return found


async def events_by_id(conn: AsyncConnection, workspace_id: UUID, ids: Collection[int]) -> Sequence[AnyRow]:
    found = select(email_events).where(
        email_events.c.workspace_id == workspace_id, among(email_events.c.id, ids)
    )
    return (await conn.execute(found)).all()


async def events_of(
    conn: AsyncConnection, workspace_id: UUID, email_ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """What happened to several emails, in the order in which it was written down."""
    found = (
        select(email_events)
        .where(email_events.c.workspace_id == workspace_id, among(email_events.c.email_id, email_ids))
        .order_by(email_events.c.id)
    )
    return (await conn.execute(found)).all()


async def moves_by_id(conn: AsyncConnection, workspace_id: UUID, ids: Collection[int]) -> Sequence[AnyRow]:
    found = select(email_moves).where(
        email_moves.c.workspace_id == workspace_id, among(email_moves.c.id, ids)
    )
    return (await conn.execute(found)).all()


async def moves_of(
    conn: AsyncConnection, workspace_id: UUID, email_ids: Collection[UUID]
) -> Sequence[AnyRow]:
    """The moves of several emails, first one first."""
    found = (
        select(email_moves)
        .where(email_moves.c.workspace_id == workspace_id, among(email_moves.c.email_id, email_ids))
        .order_by(email_moves.c.id)
    )
    return (await conn.execute(found)).all()
