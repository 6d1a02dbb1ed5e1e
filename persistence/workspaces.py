"""Workspaces: whose rows are whose."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, exists, insert, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
from persistence.database import enter_workspace
from persistence.ids import uuid7
from persistence.refusals import Noun, StaleObject
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


# Any: a row has the columns of its table.
async def lock_workspace(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, expected_version: int | None = None
) -> Row[Any]:
    """
    Lock the workspace's own row, and answer it.

    Raises:
        StaleObject: It is not at *expected_version*.
    """
    found = await conn.execute(
        select(workspaces).where(workspaces.c.id == workspace_id).with_for_update(key_share=True)
    )
    workspace = found.one()
    if expected_version is not None and workspace.version != expected_version:
        raise StaleObject(Noun.WORKSPACE, workspace.version)
    return workspace


async def change_workspace(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, changes: Mapping[str, object]
) -> None:
    """Write *changes* by column to the locked workspace; no window is every hour of every day."""
    window = {"send_window": null()} if changes.get("send_window", ...) is None else {}
    await conn.execute(
        update(workspaces)
        .where(workspaces.c.id == workspace_id)
        .values({**changes, **window, "version": workspaces.c.version + 1})
    )
