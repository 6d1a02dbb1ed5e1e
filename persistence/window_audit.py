"""The audit of windows: whether what left did so while its sequence's window was open."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import SequenceId, WorkspaceId
from persistence.audit import NAMED, Breach
from persistence.planning_terms import planning_terms

# Of a sequence: what its windows are made of.
_CALENDAR = (
    "send_window",
    "zone",
    "uses_contact_zone",
    "first_date",
    "last_date",
    "holiday_country",
    "holiday_subdivision",
    "closed_dates",
)
# What left before the window was last changed left in another one. That is on record as a recalculation, or
# in the audit log alone, where nobody was on the way. The gate looks when an attempt begins.
_LEFT = text("""
WITH changed AS MATERIALIZED (
    SELECT q.id, coalesce(greatest(
        (
            SELECT max(r.requested_at) FROM recalculations AS r
            WHERE r.workspace_id = q.workspace_id AND r.cause = 'WINDOW_CHANGED' AND r.mailbox_id IS NULL
                AND (r.sequence_id = q.id OR r.sequence_id IS NULL)
        ),
        (
            SELECT max(a.at) FROM audit_log AS a
            WHERE a.workspace_id = q.workspace_id AND a.object_id = q.id
                AND a.before ?| CAST(:calendar AS text[])
        )
    ), '-infinity') AS at
    FROM sequences AS q WHERE q.workspace_id = :workspace_id
)
SELECT e.id, e.sequence_id, e.last_attempt_at, c.zone
FROM scheduled_emails AS e
JOIN contacts AS c ON c.id = e.contact_id
JOIN changed ON changed.id = e.sequence_id
WHERE e.workspace_id = :workspace_id AND e.status IN ('COMMITTING', 'SENT', 'IN_DOUBT')
    AND e.last_attempt_at > changed.at
ORDER BY e.id
""")


async def left_outside_window(conn: AsyncConnection, workspace_id: WorkspaceId) -> Breach:
    """The emails that left while their window was closed; those of archived sequences are not looked at."""
    terms = await planning_terms(conn, workspace_id)
    outside: list[str] = []
    for row in await conn.execute(_LEFT, {"workspace_id": workspace_id, "calendar": list(_CALENDAR)}):
        its_terms = terms.sequences.get(SequenceId(row.sequence_id))
        if (
            its_terms is not None
            and its_terms.for_zone(row.zone).calendar.day_of(row.last_attempt_at) is None
        ):
            outside.append(str(row.id))
    return Breach(len(outside), tuple(outside[:NAMED]))
