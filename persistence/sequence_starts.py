"""Who starts when: the first emails, outside of a plan, of sequences that limit them."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import SequenceId, WorkspaceId
from domain.starts import StartDay
from persistence.being_planned import BeingPlanned
from persistence.planning_terms import PlanningTerms

# The first email of an enrollment is the one that has none before it.
_STARTS = text("""
SELECT e.sequence_id, e.window_day, count(*) AS starts,
    array_agg(e.id) FILTER (WHERE planned.id IS NOT NULL) AS own
FROM scheduled_emails AS e
LEFT JOIN unnest(CAST(:planned AS uuid[])) AS planned (id) ON planned.id = e.enrollment_id
WHERE e.workspace_id = :workspace_id AND e.sequence_id = ANY(CAST(:sequence_ids AS uuid[]))
    AND e.window_day >= :since AND e.status NOT IN ('CANCELLED', 'FAILED')
    AND NOT (e.status = 'PENDING' AND planned.id IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM scheduled_emails AS p
        WHERE p.enrollment_id = e.enrollment_id AND p.id <> e.id AND p.status NOT IN ('CANCELLED', 'FAILED')
            AND (p.window_day, p.send_at, p.id) < (e.window_day, e.send_at, e.id)
    )
GROUP BY e.sequence_id, e.window_day
""")


async def sequence_starts(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_ids: Collection[SequenceId],
    *,
    since: date,
    planned: BeingPlanned,
    terms: PlanningTerms,
) -> dict[StartDay, int]:
    """
    How many start on each day from *since* on.

    Those of *planned* do not count whose first email is pending, or was when it was read to be planned.
    """
    limited = [
        each for each in sequence_ids if terms.sequences[each].row.max_new_contacts_per_day is not None
    ]
    if not limited:
        return {}
    rows = await conn.execute(
        _STARTS,
        {
            "workspace_id": workspace_id,
            "sequence_ids": limited,
            "planned": list(planned.ids),
            "since": since,
        },
    )
    return {
        (SequenceId(row.sequence_id), row.window_day): row.starts - sum(map(planned.has, row.own or ()))
        for row in rows
    }
