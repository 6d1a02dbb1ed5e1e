"""Which step every open enrollment has to be sent next, after the steps of its sequence changed."""

from datetime import datetime

from sqlalchemy import ScalarSelect, and_, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import SequenceId, WorkspaceId
from domain.lifecycle import UNDER_WAY, EmailStatus, EnrollmentEvent
from persistence.progress import NEXT_POSITION, STAND
from persistence.sequences import complete_sequences
from persistence.stops import end_enrollments
from persistence.tables import enrollments, mailboxes, scheduled_emails, steps

_IN_FLIGHT = (*UNDER_WAY, EmailStatus.RETRYING)

_OPEN_HERE = """
    n.workspace_id = :workspace_id AND n.sequence_id = :sequence_id AND n.status IN ('ACTIVE', 'PAUSED')
"""
_HOLD = text(f"""
SELECT count(*) FROM (
    SELECT FROM enrollments AS n WHERE {_OPEN_HERE} ORDER BY n.id FOR NO KEY UPDATE
) AS held
""")
_REFRESH = text(f"""
WITH behind AS (
    SELECT coalesce(max(position), 0) + 1 AS position FROM steps
    WHERE workspace_id = :workspace_id AND sequence_id = :sequence_id
), anew AS (
    SELECT n.id, coalesce({NEXT_POSITION}, behind.position) AS next_position, stood.settled_at, n.held_for
    FROM enrollments AS n CROSS JOIN behind JOIN {STAND}
    WHERE {_OPEN_HERE}
), waiting AS (
    SELECT anew.id, anew.next_position,
        anew.settled_at + anew.held_for + make_interval(mins => s.wait_minutes) AS not_before
    FROM anew LEFT JOIN steps AS s
        ON s.workspace_id = :workspace_id AND s.sequence_id = :sequence_id AND s.position = anew.next_position
)
UPDATE enrollments AS n
SET next_position = waiting.next_position, next_not_before = waiting.not_before, updated_at = now()
FROM waiting
WHERE n.workspace_id = :workspace_id AND n.id = waiting.id
    AND (n.next_position, n.next_not_before) IS DISTINCT FROM (waiting.next_position, waiting.not_before)
""")


async def refresh_next_positions(
    conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId
) -> int:
    """
    Set the next position of the open enrollments of a locked sequence anew; how many it changed.

    The rule is `progress.NEXT_POSITION`; one past the last step means that nothing is left to send. With it
    goes the instant before which that step must not leave, if its wait is in minutes.
    """
    here = {"workspace_id": workspace_id, "sequence_id": sequence_id}
    await conn.execute(_HOLD, here)
    changed = await conn.execute(_REFRESH, here)
    return changed.rowcount


def _last_position(sequence_id: SequenceId) -> ScalarSelect[int]:
    last = func.coalesce(func.max(steps.c.position), 0)
    return select(last).where(steps.c.sequence_id == sequence_id).scalar_subquery()


async def complete_finished(
    conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId, *, now: datetime
) -> int:
    """
    Complete the enrollments that were sent all there is left, and their sequence with the last of them.

    Nothing of them is on its way. An email in doubt counts as sent unless its mailbox holds the sequence
    until it is settled.
    """
    is_unsettled = exists().where(
        scheduled_emails.c.enrollment_id == enrollments.c.id,
        scheduled_emails.c.mailbox_id == mailboxes.c.id,
        or_(
            scheduled_emails.c.status.in_(_IN_FLIGHT),
            and_(
                scheduled_emails.c.status == str(EmailStatus.IN_DOUBT),
                mailboxes.c.in_doubt_policy != "ASSUME_SENT",
            ),
        ),
    )
    ended = await end_enrollments(
        conn,
        workspace_id=workspace_id,
        matching=and_(
            enrollments.c.sequence_id == sequence_id,
            _last_position(sequence_id) > 0,
            enrollments.c.next_position > _last_position(sequence_id),
            ~is_unsettled,
        ),
        event=EnrollmentEvent.COMPLETE,
        now=now,
    )
    if ended:
        await complete_sequences(conn, workspace_id, now=now, among_ids=[sequence_id])
    return len(ended)
