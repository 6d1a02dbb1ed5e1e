"""Dispatches: what was handed to the broker, when it was taken, and when it was done."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import any_, bindparam, exists, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import func

from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.ids import uuid7
from persistence.statements import Statement
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
    (dispatch_id,) = await _note(conn, actor, workspace_id=workspace_id, email_counts=[0])
    return dispatch_id


async def hand_over(conn: AsyncConnection, actor: str, *, email_counts: Sequence[int]) -> list[UUID]:
    """Note that batches of so many emails each are about to be published; their ids, in that order."""
    return await _note(conn, actor, workspace_id=None, email_counts=email_counts)


_NOTE = Statement(
    text("""
INSERT INTO dispatches (id, actor, workspace, email_count, published_at)
SELECT id, CAST(:actor AS text), CAST(:workspace_id AS uuid), email_count, clock_timestamp()
FROM unnest(CAST(:ids AS uuid[]), CAST(:email_counts AS int[])) AS noted (id, email_count)
""")
)


async def _note(
    conn: AsyncConnection, actor: str, *, workspace_id: WorkspaceId | None, email_counts: Sequence[int]
) -> list[UUID]:
    ids = [uuid7() for _ in email_counts]
    await _NOTE.run(conn, ids=ids, email_counts=list(email_counts), actor=actor, workspace_id=workspace_id)
    return ids


_OF_THEM = update(dispatches).where(
    dispatches.c.id == any_(bindparam("ids", None, ARRAY(dispatches.c.id.type)))
)
_TAKEN = Statement(_OF_THEM.values(taken_at=func.coalesce(dispatches.c.taken_at, func.clock_timestamp())))
_PROCESSED = Statement(_OF_THEM.values(processed_at=func.clock_timestamp()))


async def taken(conn: AsyncConnection, *ids: UUID) -> None:
    await _TAKEN.run(conn, ids=list(ids))


async def processed(conn: AsyncConnection, *ids: UUID) -> None:
    await _PROCESSED.run(conn, ids=list(ids))


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
