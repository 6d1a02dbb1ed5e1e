"""Founding a workspace: the workspace and its first API key, which is seen this once."""

from domain.ids import WorkspaceId
from persistence.api_keys import create_api_key
from persistence.database import Role, open_database
from persistence.workspaces import any_workspace, create_workspace


async def found_workspace(
    url: str, *, name: str, zone: str, key_name: str = "first key"
) -> tuple[WorkspaceId, str]:
    """Make a workspace whose days are those of *zone* (IANA); its id and the key that opens it."""
    database = open_database(url, Role.API, pool_size=1)
    try:
        async with database.transaction() as conn:
            workspace_id = await create_workspace(conn, name=name, zone=zone)
            return workspace_id, await create_api_key(conn, workspace_id, name=key_name)
    finally:
        await database.aclose()


async def is_unfounded(url: str) -> bool:
    """Whether the installation at *url* has no workspace yet."""
    database = open_database(url, Role.WORKER, pool_size=1)
    try:
        async with database.transaction() as conn:
            return not await any_workspace(conn)
    finally:
        await database.aclose()
