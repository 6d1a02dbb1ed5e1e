"""Holds: the time that a sequence was paused does not count towards the waits of its enrollments."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import SequenceId, WorkspaceId

_HELD = text("""
SELECT count(*) FROM (
    SELECT FROM enrollments
    WHERE workspace_id = :workspace_id AND sequence_id = :sequence_id AND status IN ('ACTIVE', 'PAUSED')
    ORDER BY id FOR NO KEY UPDATE
) AS locked
""")
# An enrollment on hold itself counts from its own pause on when it is sent on; one that joined meanwhile has
# not waited longer than it has been there.
_LENGTHEN = text("""
UPDATE enrollments AS n
SET held_for = n.held_for + held.time,
    last_window_day = n.last_window_day + (
        floor(extract(epoch FROM n.held_for + held.time) / 86400)
        - floor(extract(epoch FROM n.held_for) / 86400)
    )::int,
    next_not_before = n.next_not_before + held.time, updated_at = now()
FROM (
    SELECT id, coalesce(paused_at, CAST(:now AS timestamptz))
        - greatest(CAST(:since AS timestamptz), enrolled_at) AS time
    FROM enrollments
    WHERE workspace_id = :workspace_id AND sequence_id = :sequence_id AND status IN ('ACTIVE', 'PAUSED')
) AS held
WHERE n.id = held.id AND held.time > interval '0'
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

    A wait in days is longer by the whole days of all holds in it: a pause of an hour takes none.
    """
    here = {"workspace_id": workspace_id, "sequence_id": sequence_id}
    await conn.execute(_HELD, here)
    await conn.execute(_LENGTHEN, here | {"since": since, "now": now})
