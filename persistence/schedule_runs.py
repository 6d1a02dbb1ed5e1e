"""The nightly run: once for each workspace and date, caught up after any downtime."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
from domain.recalculations import RecalculationCause
from persistence.recalculation_requests import request_recalculation

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


_FOLLOWING = text("""
SELECT r.workspace_id FROM schedule_runs AS r
WHERE r.workspace_id = ANY(:begun) AND r.job = :job
    AND EXISTS (
        SELECT FROM enrollments AS n WHERE n.workspace_id = r.workspace_id AND n.status = 'ACTIVE'
    )
GROUP BY r.workspace_id HAVING count(*) > 1
""")


async def request_pull_forward(
    conn: AsyncConnection, begun: Collection[WorkspaceId], *, now: datetime
) -> None:
    """
    Ask in the workspaces whose nightly run has *begun* for a replan that fills what became free.

    On the first day of a workspace nothing has become free yet.
    """
    following = await conn.scalars(_FOLLOWING, {"begun": list(begun), "job": NIGHTLY})
    for workspace_id in following.all():
        await request_recalculation(
            conn, workspace_id, cause=RecalculationCause.NIGHTLY, requested_by="clock", now=now
        )
