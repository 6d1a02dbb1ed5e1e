"""Pending work: what the clock asks before it sets an actor off."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
from domain.keeping import LATE_AFTER
from persistence.under_way import IS_UNDER_WAY
from persistence.unheld_emails import UNHELD


@dataclass(frozen=True, slots=True)
class PendingWork:
    """
    Workspaces to plan and to recalculate, and whether anything is due, expired or overdue from a wait.

    What is in doubt and to be sent once more is overdue when its time has come.
    """

    to_plan: tuple[WorkspaceId, ...]
    to_recalculate: tuple[WorkspaceId, ...]
    has_due: bool
    has_expired: bool
    has_overdue_retries: bool


# Changes that follow each other this closely, in real time, are carried out as one recalculation.
COALESCED = timedelta(seconds=1)

# What is due is looked for in the order of its index. PostgreSQL expects to come soon upon one of thousands
# that were due, and once they have left would read all emails for it, each second.
_FOUND = text(f"""
SELECT
    ARRAY(
        SELECT DISTINCT n.workspace_id FROM enrollments AS n
        WHERE n.planned_at IS NULL AND n.status = 'ACTIVE'
        UNION
        SELECT DISTINCT e.workspace_id FROM {UNHELD} AND e.send_at <= :late_since
    ) AS to_plan,
    ARRAY(
        SELECT DISTINCT workspace_id FROM recalculations
        WHERE status = 'RUNNING' OR (
            status = 'PENDING' AND (cause = 'NIGHTLY' OR created_at <= clock_timestamp() - :coalesced)
        )
    ) AS to_recalculate,
    coalesce((
        SELECT true FROM scheduled_emails AS e
        JOIN mailboxes AS m ON m.id = e.mailbox_id AND m.status = 'ACTIVE'
            AND (m.next_allowed_at IS NULL OR m.next_allowed_at <= :now)
            AND (m.host_rests_until IS NULL OR m.host_rests_until <= :now)
        JOIN workspaces AS w ON w.id = m.workspace_id AND w.sending_paused_at IS NULL
        WHERE e.phase = 'OPEN' AND e.status = 'PENDING' AND e.send_at > :late_since AND e.send_at <= :now
        ORDER BY e.send_at LIMIT 1
    ), false) AS has_due,
    EXISTS (
        SELECT FROM scheduled_emails AS e
        WHERE e.id = ANY(ARRAY(SELECT unnest(under_way) FROM mailboxes WHERE under_way <> '{{}}'))
            AND {IS_UNDER_WAY} AND e.lease_until < clock_timestamp()
    ) AS has_expired,
    EXISTS (
        SELECT FROM scheduled_emails
        WHERE phase = 'WAITING' AND status = 'RETRYING' AND retry_at <= :overdue_since
    ) OR EXISTS (
        SELECT FROM scheduled_emails
        WHERE phase = 'WAITING' AND status = 'IN_DOUBT' AND retry_at <= :now
    ) AS has_overdue
""")


async def find_work(conn: AsyncConnection, *, now: datetime, grace: timedelta) -> PendingWork:
    """
    What there is to do at business time *now*, in all workspaces.

    A retry counts as overdue when its message has not come back *grace* after its time.
    """
    at = {"now": now, "late_since": now - LATE_AFTER, "overdue_since": now - grace, "coalesced": COALESCED}
    row = (await conn.execute(_FOUND, at)).one()
    return PendingWork(
        to_plan=tuple(sorted(row.to_plan)),
        to_recalculate=tuple(sorted(row.to_recalculate)),
        has_due=row.has_due,
        has_expired=row.has_expired,
        has_overdue_retries=row.has_overdue,
    )
