"""Waits in working days, which only a calendar with its holidays can count."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EnrollmentId
from domain.waits import Wait, WaitUnit
from persistence.arrays import among
from persistence.planning_terms import read_closed_days
from persistence.tables import enrollments

_FOLLOWING = text("""
SELECT n.id, n.last_window_day, e.window_day, s.wait_working_days,
    q.holiday_country, q.holiday_subdivision, q.closed_dates
FROM enrollments AS n
JOIN steps AS s ON s.sequence_id = n.sequence_id AND s.position = n.next_position
JOIN scheduled_emails AS e ON e.enrollment_id = n.id AND e.step_id = s.id AND e.status = 'PENDING'
JOIN sequences AS q ON q.id = n.sequence_id
WHERE n.id = ANY(CAST(:ids AS uuid[])) AND n.last_window_day IS NOT NULL
    AND s.wait_working_days IS NOT NULL AND e.window_day IS NOT NULL
""")


async def reopen_hurried(conn: AsyncConnection, ids: Collection[EnrollmentId]) -> bool:
    """Ask for new slots where the next emails of the locked *ids* are planned before their working day."""
    hurried = [row.id for row in await conn.execute(_FOLLOWING, {"ids": list(ids)}) if _is_hurried(row)]
    if hurried:
        await conn.execute(
            update(enrollments).where(among(enrollments.c.id, hurried)).values(planned_at=None)
        )
    return bool(hurried)


# Any: a row has the columns that are selected.
def _is_hurried(row: Row[Any]) -> bool:
    wait = Wait(row.wait_working_days, WaitUnit.WORKING_DAYS)
    return bool(row.window_day < wait.first_day(row.last_window_day, read_closed_days(row)))
