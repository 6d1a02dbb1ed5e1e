"""Dispatches: what was handed to the broker, when it was taken, and when it was done."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import func

from domain.ids import WorkspaceId
from persistence.arrays import among
from persistence.database import Database
from persistence.ids import uuid7
from persistence.tables import dispatches

# Real time: a trigger that nobody took in this long is taken to be lost.
_LOST_AFTER = timedelta(seconds=10)


async def trigger(
    conn: AsyncConnection, actor: str, *, workspace_id: WorkspaceId | None = None
) -> UUID | None:
    """Note that *actor* is to be set off; None when an earlier trigger is still on its way to it."""
    waiting = exists().where(
        dispatches.c.actor == actor,
        dispatches.c.workspace.is_not_distinct_from(workspace_id),
        dispatches.c.taken_at.is_(None),
        dispatches.c.created_at > func.clock_timestamp() - _LOST_AFTER,
    )
    if await conn.scalar(select(waiting)):
        return None
    return await _note(conn, actor, workspace_id=workspace_id, email_count=0)


async def hand_over(conn: AsyncConnection, actor: str, *, email_count: int) -> UUID:
    """Note that a batch of *email_count* emails is about to be published."""
    return await _note(conn, actor, workspace_id=None, email_count=email_count)


async def _note(
    conn: AsyncConnection, actor: str, *, workspace_id: WorkspaceId | None, email_count: int
) -> UUID:
    dispatch_id = uuid7()
    await conn.execute(
        insert(dispatches).values(
            id=dispatch_id,
            actor=actor,
            workspace=workspace_id,
            email_count=email_count,
            published_at=func.clock_timestamp(),
        )
    )
    return dispatch_id


async def taken(conn: AsyncConnection, *ids: UUID) -> None:
    await _stamp(conn, ids, {"taken_at": func.coalesce(dispatches.c.taken_at, func.clock_timestamp())})


async def processed(conn: AsyncConnection, *ids: UUID) -> None:
    await _stamp(conn, ids, {"processed_at": func.clock_timestamp()})


# Any: expressions of the statement.
async def _stamp(conn: AsyncConnection, ids: Sequence[UUID], values: dict[str, Any]) -> None:
    await conn.execute(update(dispatches).where(among(dispatches.c.id, ids)).values(values))


async def forget_old(conn: AsyncConnection, *, before: datetime) -> int:
    """Delete what was handed over before *before*, in real time."""
    forgotten = await conn.execute(dispatches.delete().where(dispatches.c.created_at < before))
    return forgotten.rowcount


@asynccontextmanager
async def carried_out(database: Database, dispatch_id: str | None) -> AsyncIterator[None]:
    """
    Note that a message was taken, and when the block ends that it was processed; not if it raises.

    A message without *dispatch_id* came from nobody who waits for it.
    """
    if dispatch_id is None:
        yield
        return
    async with database.transaction() as conn:
        await taken(conn, UUID(dispatch_id))
    yield
    async with database.transaction() as conn:
        await processed(conn, UUID(dispatch_id))
