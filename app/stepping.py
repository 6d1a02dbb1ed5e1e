"""Stepping: when nothing is on its way, business time jumps to the next instant at which something is due."""

import asyncio
from datetime import datetime

from sqlalchemy import text

from app.business_clock import SteppingClock
from persistence.database import Database, notify
from persistence.under_way import IS_UNDER_WAY

_POLL_S = 0.01

# Restless while anything is claimed, due, or waits for planner or recalculator. What a dead sender gave
# back is due once more when its mailbox's gap is over.
_STATE = text(f"""
SELECT
    EXISTS (
        SELECT FROM enrollments AS n JOIN sequences AS q ON q.id = n.sequence_id
        WHERE n.planned_at IS NULL AND n.status = 'ACTIVE' AND q.status IN ('DRAFT', 'ACTIVE')
    )
    OR EXISTS (SELECT FROM recalculations WHERE status IN ('PENDING', 'RUNNING'))
    OR EXISTS (
        SELECT FROM scheduled_emails AS e
        JOIN mailboxes AS m ON m.id = e.mailbox_id
        JOIN sequences AS q ON q.id = e.sequence_id
        JOIN enrollments AS n ON n.id = e.enrollment_id
        WHERE {IS_UNDER_WAY}
            OR (e.status = 'RETRYING' AND e.retry_at <= :now)
            OR (e.status = 'PENDING' AND greatest(e.send_at, m.next_allowed_at) <= :now
                AND m.status = 'ACTIVE' AND q.status = 'ACTIVE' AND n.status = 'ACTIVE')
    ) AS is_restless,
    (
        SELECT min(
            CASE WHEN e.status = 'RETRYING' THEN e.retry_at ELSE greatest(e.send_at, m.next_allowed_at) END
        )
        FROM scheduled_emails AS e
        JOIN mailboxes AS m ON m.id = e.mailbox_id AND m.status = 'ACTIVE'
        JOIN sequences AS q ON q.id = e.sequence_id AND q.status = 'ACTIVE'
        JOIN enrollments AS n ON n.id = e.enrollment_id AND n.status = 'ACTIVE'
        WHERE e.status IN ('PENDING', 'RETRYING')
    ) AS next_due
""")  # noqa: S608 — put together from our own constants


class StillRestless(Exception):
    """Something has been on its way for longer than it should be."""


class Stepper:
    """Moves *clock*, which all processes read, through the timetable."""

    def __init__(self, database: Database, clock: SteppingClock, *, patience_s: float = 60.0) -> None:
        self._database = database
        self._clock = clock
        self._patience_s = patience_s

    async def step(self) -> datetime | None:
        """
        Wait until nothing is on its way, then jump to what is due next; None when nothing is left.

        Raises:
            StillRestless: When it did not become quiet in time.
        """
        next_due = await self.settle()
        if next_due is not None:
            await self._clock.step_to(next_due)
            async with self._database.transaction() as conn:
                await notify(conn, "due")
        return next_due

    async def settle(self) -> datetime | None:
        """Wait until nothing is on its way; the next instant at which something is due."""
        now = await self._clock.now()
        try:
            async with asyncio.timeout(self._patience_s):
                while True:
                    async with self._database.transaction() as conn:
                        state = (await conn.execute(_STATE, {"now": now})).one()
                    if not state.is_restless:
                        next_due: datetime | None = state.next_due
                        return next_due
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise StillRestless(f"after {self._patience_s:.0f} s at {now.isoformat()}") from None
