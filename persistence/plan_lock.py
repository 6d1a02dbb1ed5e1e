"""The lock of a workspace's plan: one planner or recalculator at a time writes when emails leave."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId

_TRY = text("SELECT pg_try_advisory_xact_lock(hashtextextended('drumbeat plan ' || :workspace, 0))")


async def try_plan_lock(conn: AsyncConnection, workspace_id: WorkspaceId) -> bool:
    """Take the lock until the transaction ends; False when another one plans this workspace now."""
    return bool(await conn.scalar(_TRY, {"workspace": str(workspace_id)}))
