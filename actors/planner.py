"""The planner: places what has no slot yet, one workspace at a time."""

import logging
from collections.abc import Collection
from uuid import UUID

import structlog

from actors.clocks import Clock
from domain.ids import EnrollmentId, WorkspaceId
from persistence.collector import collector_paused
from persistence.database import Database, notify
from persistence.dispatches import carried_out
from persistence.open_enrollments import next_turn
from persistence.plan_lock import try_plan_lock
from persistence.planned_emails import Written
from persistence.replanning import replan

log = structlog.get_logger(__name__)

# Enrollments of one turn: the lock is given back between two, so that a recalculation gets its own. Each turn
# reads again what those before it placed; one of 50,000 with three steps needs 220 MB.
TURN = 50_000


class Planner:
    """Plans at most *turn* enrollments in one transaction."""

    def __init__(self, *, database: Database, clock: Clock, turn: int = TURN) -> None:
        self._database = database
        self._clock = clock
        self._turn_size = turn

    async def __call__(self, dispatch_id: str | None, workspace_id: str) -> None:
        """Plan *workspace_id* until nothing waits; ends at once when another planner is at it."""
        async with carried_out(self._database, dispatch_id):
            planned: set[EnrollmentId] = set()
            # What comes again within one message is not helped by planning it: the clock asks again.
            while not planned.issuperset(ids := await self._turn(WorkspaceId(UUID(workspace_id)))):
                planned.update(ids)

    async def _turn(self, workspace_id: WorkspaceId) -> Collection[EnrollmentId]:
        """Plan one turn; whom it planned: nobody when nothing waits, or the plan is locked."""
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            if not await try_plan_lock(conn, workspace_id):
                return ()
            ids = await next_turn(conn, workspace_id, now=now, limit=self._turn_size)
            if not ids:
                return ()
            with collector_paused():
                written = await replan(conn, workspace_id, ids, now=now)
            await notify(conn, "due")
        log.info(
            "enrollments.planned",
            workspace_id=str(workspace_id),
            count=len(ids),
            placed=written.placed,
            moved=written.moved,
            infeasible=written.infeasible,
        )
        log_moves(written)
        return ids


def log_moves(written: Written) -> None:
    """Say of every email that was moved why, and its new time; after the commit that moved it."""
    # Bound once: asked for a method, the module's logger is put together anew each time.
    bound = log.bind()
    if not bound.is_enabled_for(logging.INFO):
        return
    for move in written.moves:
        send_at = None if move.send_at is None else move.send_at.isoformat()
        bound.info("email.rescheduled", email_id=str(move.email_id), cause=move.cause, send_at=send_at)
