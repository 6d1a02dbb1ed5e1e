"""Sending put on hold for a whole workspace, and let go on."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
from domain.lifecycle import SequenceStatus
from persistence.holds import lengthen_all_waits
from persistence.refusals import NotInStatus, Noun
from persistence.tables import sequences, workspaces


async def pause_sending(conn: AsyncConnection, workspace_id: WorkspaceId, *, now: datetime) -> None:
    """
    Send nothing more in this workspace; its plan stays.

    Raises:
        NotInStatus: Nothing is sent already.
    """
    if await _lock(conn, workspace_id) is not None:
        raise NotInStatus(Noun.WORKSPACE, "PAUSED")
    await _write(conn, workspace_id, now)
    # The point of no return shares the sequence of its email: each of them comes wholly before this or
    # wholly after, and senders need not queue for the one row of their workspace.
    held = (
        select(sequences.c.id)
        .where(sequences.c.workspace_id == workspace_id, sequences.c.status != str(SequenceStatus.ARCHIVED))
        .order_by(sequences.c.id)
        .with_for_update(key_share=True)
    )
    await conn.execute(select(func.count()).select_from(held.subquery()))


async def resume_sending(conn: AsyncConnection, workspace_id: WorkspaceId, *, now: datetime) -> None:
    """
    Let the workspace send again; waits that run are longer by the time on hold.

    What is late by now gets a new time from the planner, so that nothing leaves in a burst.

    Raises:
        NotInStatus: It sends.
    """
    since = await _lock(conn, workspace_id)
    if since is None:
        raise NotInStatus(Noun.WORKSPACE, "ACTIVE")
    await _write(conn, workspace_id, None)
    await lengthen_all_waits(conn, workspace_id, since=since, now=now)


async def _lock(conn: AsyncConnection, workspace_id: WorkspaceId) -> datetime | None:
    since: datetime | None = await conn.scalar(
        select(workspaces.c.sending_paused_at)
        .where(workspaces.c.id == workspace_id)
        .with_for_update(key_share=True)
    )
    return since


async def _write(conn: AsyncConnection, workspace_id: WorkspaceId, since: datetime | None) -> None:
    await conn.execute(
        update(workspaces)
        .where(workspaces.c.id == workspace_id)
        .values(sending_paused_at=since, version=workspaces.c.version + 1)
    )
