"""The planner: places what has no slot yet, one workspace at a time."""

import asyncio
import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from actors.clocks import Clock
from domain.ids import EnrollmentId, RecalculationId, WorkspaceId
from domain.keeping import LATE_AFTER
from domain.planning import plan
from persistence.database import Database, notify
from persistence.dispatches import processed, taken
from persistence.open_enrollments import enrollments_for_planning, reopen_late, unplanned
from persistence.plan_lock import try_plan_lock
from persistence.planned_emails import Written, write_plan
from persistence.planning_terms import planning_terms
from persistence.recalculations import cancel_left_out
from persistence.taken_slots import taken_slots

log = structlog.get_logger(__name__)

# Enrollments of one turn: the lock is given back between two, so that a recalculation gets its own.
TURN = 10_000


class Planner:
    """Plans at most *turn* enrollments in one transaction."""

    def __init__(self, *, database: Database, clock: Clock, turn: int = TURN) -> None:
        self._database = database
        self._clock = clock
        self._turn_size = turn

    async def __call__(self, dispatch_id: str | None, workspace_id: str) -> None:
        """Plan *workspace_id* until nothing waits; ends at once when another planner is at it."""
        if dispatch_id is not None:
            async with self._database.transaction() as conn:
                await taken(conn, UUID(dispatch_id))
        planned: set[EnrollmentId] = set()
        # What comes again within one message is not helped by planning it: the clock asks again.
        while not planned.issuperset(ids := await self._turn(WorkspaceId(UUID(workspace_id)))):
            planned.update(ids)
        if dispatch_id is not None:
            async with self._database.transaction() as conn:
                await processed(conn, UUID(dispatch_id))

    async def _turn(self, workspace_id: WorkspaceId) -> Collection[EnrollmentId]:
        """Plan one turn; whom it planned: nobody when nothing waits, or the plan is locked."""
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            if not await try_plan_lock(conn, workspace_id):
                return ()
            await reopen_late(conn, workspace_id, late_since=now - LATE_AFTER)
            ids = await unplanned(conn, workspace_id, limit=self._turn_size)
            if not ids:
                return ()
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


# A plan makes millions of objects and no cycles: the collector would go through them all again and again,
# for about a third of the time.
@contextmanager
def _collector_paused() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


_plan_without_collector = _collector_paused()(plan)


def log_moves(written: Written) -> None:
    """Say of every email that was moved why, and its new time; after the commit that moved it."""
    for move in written.moves:
        send_at = None if move.send_at is None else move.send_at.isoformat()
        log.info("email.rescheduled", email_id=str(move.email_id), cause=move.cause, send_at=send_at)


async def replan(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    ids: Collection[EnrollmentId],
    *,
    now: datetime,
    recalculation_id: RecalculationId | None = None,
    may_gain: bool = False,
    may_rebind: bool = False,
) -> Written:
    """Plan the locked enrollments *ids* under the workspace's plan lock, and write what changes."""
    cancelled = await cancel_left_out(conn, workspace_id, ids, now=now)
    terms = await planning_terms(conn, workspace_id)
    enrollments = await enrollments_for_planning(
        conn, workspace_id, ids, terms=terms, may_gain=may_gain, may_rebind=may_rebind
    )
    serving = {mailbox_id for each in enrollments for mailbox_id in each.sequence.mailbox_ids}
    serving.update(each.mailbox_id for each in enrollments if each.mailbox_id is not None)
    others = await taken_slots(conn, workspace_id, serving, planned=ids, terms=terms, now=now)
    # Arithmetic over everything at once: in a thread, so that no conversation on this loop waits for it.
    planned = await asyncio.to_thread(
        partial(
            _plan_without_collector,
            enrollments,
            [terms.mailboxes[mailbox_id] for mailbox_id in sorted(serving)],
            now=now,
            taken=others,
            calendars={mailbox_id: terms.calendars.get(mailbox_id, []) for mailbox_id in serving},
        )
    )
    written = await write_plan(conn, workspace_id, planned, now=now, recalculation_id=recalculation_id)
    written.cancelled = cancelled
    return written
