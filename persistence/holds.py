"""Holds: the time that a sequence was paused does not count towards the waits of its enrollments."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import SequenceId, WorkspaceId

_HELD = text("""
SELECT count(*) FROM (
    SELECT FROM enrollments
    WHERE workspace_id = :workspace_id AND sequence_id = :sequence_id AND status IN ('ACTIVE', 'PAUSED')
        AND (last_window_day IS NOT NULL OR next_not_before IS NOT NULL)
    ORDER BY id FOR NO KEY UPDATE
) AS locked
""")
# An enrollment on hold itself counts from its own pause on when it is sent on; one that joined meanwhile has
# not waited longer than it has been there.
_LENGTHEN = text("""
UPDATE enrollments AS n
SET last_window_day = n.last_window_day + extract(day FROM held.time)::int,
    next_not_before = n.next_not_before + held.time, updated_at = now()
FROM (
    SELECT id, coalesce(paused_at, CAST(:now AS timestamptz))
        - greatest(CAST(:since AS timestamptz), enrolled_at) AS time
    FROM enrollments
    WHERE workspace_id = :workspace_id AND sequence_id = :sequence_id AND status IN ('ACTIVE', 'PAUSED')
) AS held
WHERE n.id = held.id AND held.time > interval '0'
    AND (n.last_window_day IS NOT NULL OR n.next_not_before IS NOT NULL)
""")


async def lengthen_waits(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    since: datetime,
    now: datetime,
) -> None:
    """
    Lengthen the running waits of a locked sequence that was paused *since* and goes on *now*.

    A wait counts days, so it is longer by the whole days: a pause of an hour takes none.
    """
    here = {"workspace_id": workspace_id, "sequence_id": sequence_id}
    await conn.execute(_HELD, here)
    await conn.execute(_LENGTHEN, here | {"since": since, "now": now})
