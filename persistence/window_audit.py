"""The audit of windows: whether what left did so while its sequence's window was open."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import SequenceId, WorkspaceId
from persistence.audit import NAMED, Breach
from persistence.planning_terms import planning_terms

# What left before the window was last changed left in another one. The gate looks when an attempt begins.
_LEFT = text("""
SELECT e.id, e.sequence_id, e.last_attempt_at, c.zone
FROM scheduled_emails AS e JOIN contacts AS c ON c.id = e.contact_id
WHERE e.workspace_id = :workspace_id AND e.status IN ('COMMITTING', 'SENT', 'IN_DOUBT')
    AND e.last_attempt_at > coalesce((
        SELECT max(r.requested_at) FROM recalculations AS r
        WHERE r.workspace_id = e.workspace_id AND r.cause = 'WINDOW_CHANGED' AND r.mailbox_id IS NULL
            AND (r.sequence_id = e.sequence_id OR r.sequence_id IS NULL)
    ), '-infinity')
ORDER BY e.id
""")


async def left_outside_window(conn: AsyncConnection, workspace_id: WorkspaceId) -> Breach:
    """The emails that left while their window was closed; those of archived sequences are not looked at."""
    terms = await planning_terms(conn, workspace_id)
    outside: list[str] = []
    for row in await conn.execute(_LEFT, {"workspace_id": workspace_id}):
        its_terms = terms.sequences.get(SequenceId(row.sequence_id))
        if (
            its_terms is not None
            and its_terms.for_zone(row.zone).calendar.day_of(row.last_attempt_at) is None
        ):
            outside.append(str(row.id))
    return Breach(len(outside), tuple(outside[:NAMED]))
