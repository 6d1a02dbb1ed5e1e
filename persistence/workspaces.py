"""Workspaces: whose rows are whose."""

from sqlalchemy import exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
from persistence.database import enter_workspace
from persistence.ids import uuid7
from persistence.tables import workspaces


async def create_workspace(conn: AsyncConnection, *, name: str, zone: str) -> WorkspaceId:
    """Make a workspace whose days are those of *zone* (IANA), and enter it for this transaction."""
    workspace_id = WorkspaceId(uuid7())
    await enter_workspace(conn, workspace_id)
    await conn.execute(insert(workspaces).values(id=workspace_id, name=name, zone=zone))
    return workspace_id


async def any_workspace(conn: AsyncConnection) -> bool:
    """Whether there is a workspace at all; asked as the worker, who sees all of them."""
    return bool(await conn.scalar(select(exists().select_from(workspaces))))
