"""Holds: time in which a sequence, or everything, was paused does not count towards running waits."""

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EnrollmentId, SequenceId, WorkspaceId
from domain.keeping import LATE_AFTER, SETTLED_BEFORE
from persistence.tables import workspaces

_HELD = text("""
SELECT count(*) FROM (
    SELECT FROM enrollments
    WHERE workspace_id = :workspace_id AND sequence_id = :sequence_id AND status IN ('ACTIVE', 'PAUSED')
    ORDER BY id FOR NO KEY UPDATE
) AS locked
""")
_HELD_FOR = """held_for = n.held_for + held.time,
    last_window_day = n.last_window_day + (
        floor(extract(epoch FROM n.held_for + held.time) / 86400)
        - floor(extract(epoch FROM n.held_for) / 86400)
    )::int"""
# An enrollment on hold itself counts from its own pause on when it is sent on; one that joined meanwhile has
# not waited longer than it has been there.
_LENGTHEN = text(f"""
UPDATE enrollments AS n
SET {_HELD_FOR},
    next_not_before = n.next_not_before + held.time, updated_at = now()
FROM (
    SELECT id, least(paused_at, CAST(:now AS timestamptz))
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
    await reopen_hurried_starts(conn, workspace_id, sequence_id=sequence_id, now=now)


async def paused_since(conn: AsyncConnection, workspace_id: WorkspaceId) -> datetime | None:
    """Since when the workspace sends nothing at all; None while it sends."""
    since: datetime | None = await conn.scalar(
        select(workspaces.c.sending_paused_at).where(workspaces.c.id == workspace_id)
    )
    return since


_ALL_HELD = text("""
SELECT count(*) FROM (
    SELECT FROM enrollments
    WHERE workspace_id = :workspace_id AND status IN ('ACTIVE', 'PAUSED')
    ORDER BY id FOR NO KEY UPDATE
) AS locked
""")
# As above. What is on hold itself, or by its sequence, counts from its own pause on when it goes on. Who was
# not written to yet waits for an instant that stays, which is the start of a batch.
_LENGTHEN_ALL = text(f"""
UPDATE enrollments AS n
SET {_HELD_FOR},
    next_not_before = n.next_not_before
        + CASE WHEN n.last_window_day IS NULL THEN interval '0' ELSE held.time END,
    updated_at = now()
FROM (
    SELECT e.id,
        least(e.paused_at, CASE q.status WHEN 'PAUSED' THEN q.paused_at END, CAST(:now AS timestamptz))
        - greatest(CAST(:since AS timestamptz), e.enrolled_at) AS time
    FROM enrollments AS e JOIN sequences AS q ON q.id = e.sequence_id
    WHERE e.workspace_id = :workspace_id AND e.status IN ('ACTIVE', 'PAUSED')
) AS held
WHERE n.id = held.id AND held.time > interval '0'
""")


async def lengthen_all_waits(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, since: datetime, now: datetime
) -> None:
    """As `lengthen_waits`, of a whole workspace that sent nothing *since* and goes on *now*."""
    here = {"workspace_id": workspace_id}
    await conn.execute(_ALL_HELD, here)
    await conn.execute(_LENGTHEN_ALL, here | {"since": since, "now": now})
    await reopen_hurried_starts(conn, workspace_id, now=now)


# Only planning counts the wait of a first email, in its contact's zone; of a later one the claim knows the
# day.
_HURRIED_STARTS = text("""
UPDATE enrollments AS n SET planned_at = NULL
FROM scheduled_emails AS e
WHERE e.enrollment_id = n.id AND e.workspace_id = :workspace_id
    AND e.phase = 'OPEN' AND e.status = 'PENDING' AND e.send_at > :late_since AND e.send_at <= :soon
    AND n.last_window_day IS NULL AND n.held_for > interval '0'
    AND (CAST(:sequence_id AS uuid) IS NULL OR n.sequence_id = :sequence_id)
    AND (CAST(:enrollment_id AS uuid) IS NULL OR n.id = :enrollment_id)
""")


async def reopen_hurried_starts(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    sequence_id: SequenceId | None = None,
    enrollment_id: EnrollmentId | None = None,
    now: datetime,
) -> None:
    """
    Let no first email of the locked enrollments leave before planning has looked at its longer wait.

    Of those that are due before a plan can be made; what is late gets a new time anyway.
    """
    await conn.execute(
        _HURRIED_STARTS,
        {
            "workspace_id": workspace_id,
            "sequence_id": sequence_id,
            "enrollment_id": enrollment_id,
            "late_since": now - LATE_AFTER,
            "soon": now + SETTLED_BEFORE,
        },
    )
