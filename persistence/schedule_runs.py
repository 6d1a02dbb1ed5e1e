"""The nightly run: once for each workspace and date, caught up after any downtime."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId

NIGHTLY = "nightly"

# The key is (workspace, job, day), so a second clock, or a second start, inserts nothing.
_BEGIN = text("""
INSERT INTO schedule_runs (workspace_id, job, day)
SELECT w.id, :job, (CAST(:now AS timestamptz) AT TIME ZONE w.zone)::date FROM workspaces AS w
ON CONFLICT DO NOTHING
RETURNING workspace_id
""")


async def begin_nightly(conn: AsyncConnection, *, now: datetime) -> list[WorkspaceId]:
    """The workspaces in whose zone a day has begun that had no nightly run yet; noted as run."""
    begun = await conn.scalars(_BEGIN, {"job": NIGHTLY, "now": now})
    return [WorkspaceId(workspace_id) for workspace_id in begun]
