"""Progress: where enrollments stand after something of theirs was settled, and who has arrived."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import ContactId, EnrollmentId, SequenceId, WorkspaceId
from domain.lifecycle import EnrollmentEvent
from persistence.arrays import among
from persistence.database import notify
from persistence.sequences import complete_sequences
from persistence.stops import end_enrollments
from persistence.tables import enrollments

# The first live step, in today's order, after the one that left last: a step moved or inserted in front of
# that one is passed. NULL when nothing is left to send.
NEXT_POSITION = """
(SELECT min(s.position) FROM steps AS s
 WHERE s.sequence_id = n.sequence_id AND s.removed_at IS NULL
    AND s.position > coalesce((
        SELECT last_step.position FROM scheduled_emails AS last
        JOIN steps AS last_step ON last_step.id = last.step_id AND last_step.removed_at IS NULL
        WHERE last.enrollment_id = n.id AND last.status NOT IN ('PENDING', 'CANCELLED')
        ORDER BY coalesce(last.sent_at, last.last_attempt_at) DESC NULLS FIRST LIMIT 1
    ), 0)
    AND NOT EXISTS (
        SELECT FROM scheduled_emails AS e
        WHERE e.enrollment_id = n.id AND e.step_id = s.id AND e.status NOT IN ('PENDING', 'CANCELLED')
    ))
"""

_LOCK_CONTACTS, _LOCK_ENROLLMENTS = (
    text(f"""
SELECT count(*) FROM (
    SELECT FROM {table} WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
) AS locked
""")
    for table in ("contacts", "enrollments")
)


async def lock_contacts(conn: AsyncConnection, ids: Collection[ContactId]) -> None:
    """Lock *ids* before their enrollments, for one that is to be stopped."""
    if ids:
        await conn.execute(_LOCK_CONTACTS, {"ids": list(ids)})


async def lock_enrollments(conn: AsyncConnection, ids: Collection[EnrollmentId]) -> None:
    """Lock *ids* in the order that everyone keeps, before their emails are touched."""
    await conn.execute(_LOCK_ENROLLMENTS, {"ids": list(ids)})


_ADVANCE = text(f"""
WITH stand AS (
    SELECT n.id, {NEXT_POSITION} AS next_position, last.position, last.window_day,
        coalesce(last.sent_at, last.committing_at) AS left_at,
        (SELECT min(e.send_at) FROM scheduled_emails AS e
         WHERE e.enrollment_id = n.id AND e.status = 'PENDING') AS next_send_at,
        EXISTS (
            SELECT FROM scheduled_emails AS e JOIN steps AS s ON s.id = e.step_id
            WHERE e.enrollment_id = n.id AND e.status = 'PENDING' AND s.position IS NOT NULL
                AND e.window_day < last.window_day + s.wait_days
        ) AS is_behind
    FROM enrollments AS n
    LEFT JOIN LATERAL (
        SELECT s.position, e.window_day, e.sent_at, e.committing_at, e.last_attempt_at
        FROM scheduled_emails AS e JOIN steps AS s ON s.id = e.step_id
        WHERE e.enrollment_id = n.id AND e.status IN ('SENT', 'IN_DOUBT', 'FAILED')
        ORDER BY coalesce(e.sent_at, e.last_attempt_at) DESC LIMIT 1
    ) AS last ON true
    WHERE n.id = ANY(CAST(:ids AS uuid[])) AND n.status IN ('ACTIVE', 'PAUSED')
)
UPDATE enrollments AS n
SET started_at = coalesce(n.started_at, stand.left_at),
    current_step = coalesce(stand.position, n.current_step),
    last_window_day = coalesce(stand.window_day, n.last_window_day),
    next_position = coalesce(stand.next_position, n.next_position),
    next_not_before = NULL,
    next_send_at = stand.next_send_at,
    -- What left later than planned pushes what follows: the planner looks at it again.
    planned_at = CASE WHEN stand.is_behind THEN NULL ELSE n.planned_at END,
    updated_at = now()
FROM stand
WHERE n.id = stand.id
RETURNING n.id, n.workspace_id, n.sequence_id, stand.next_position IS NULL AS has_arrived, stand.is_behind
""")


async def go_on(conn: AsyncConnection, ids: Collection[EnrollmentId], *, now: datetime) -> None:
    """
    Bring the locked, open enrollments *ids* to their next step after an email of theirs was settled.

    Those that have nothing left to send are complete, and so is a sequence with nobody on the way.
    """
    if not ids:
        return
    rows = (await conn.execute(_ADVANCE, {"ids": list(ids)})).all()
    if any(row.is_behind for row in rows):
        await notify(conn, "plan")
    arrived = [row for row in rows if row.has_arrived]
    for workspace_id in sorted({WorkspaceId(row.workspace_id) for row in arrived}):
        here = [row for row in arrived if row.workspace_id == workspace_id]
        await end_enrollments(
            conn,
            workspace_id=workspace_id,
            matching=among(enrollments.c.id, [row.id for row in here]),
            event=EnrollmentEvent.COMPLETE,
            now=now,
        )
        left = {SequenceId(row.sequence_id) for row in here}
        await complete_sequences(conn, workspace_id, now=now, among_ids=left)
