"""The recalculator: replans what a change of steps, windows or mailboxes touches."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from actors.clocks import Clock
from actors.planner import log_moves
from domain.ids import RecalculationId, WorkspaceId
from domain.plan_changes import first_part
from persistence.collector import collector_paused
from persistence.database import Database, notify
from persistence.dispatches import carried_out
from persistence.plan_lock import try_plan_lock
from persistence.planned_emails import Written
from persistence.rebalance_preview import draft_rebalance
from persistence.recalculations import (
    Recalculation,
    begin_recalculations,
    cancel_by_policy,
    expect_emails,
    fail_recalculations,
    finish_recalculations,
    record_progress,
)
from persistence.replan_scopes import replan_scope
from persistence.replanning import write_replan

log = structlog.get_logger(__name__)

_MOST = 100
# Emails that one transaction changes. Each turn plans anew all that is left, so turns are few and long;
# contacts that enroll meanwhile wait for their times.
TURN = 200_000


class PlanMoved(Exception):
    """The plan is no longer the one that was promised, so it is not written."""


class Recalculator:
    """Changes about *turn* emails in one transaction."""

    def __init__(self, *, database: Database, clock: Clock, turn: int = TURN) -> None:
        self._database = database
        self._clock = clock
        self._turn_size = turn

    async def __call__(self, dispatch_id: str | None, workspace_id: str) -> None:
        """
        Carry out the requests of *workspace_id*, oldest first.

        What takes more than one turn goes on with the next message, after the planner had its turn.
        """
        async with carried_out(self._database, dispatch_id):
            for _ in range(_MOST):
                if not await self._next(WorkspaceId(UUID(workspace_id))):
                    break

    async def _next(self, workspace_id: WorkspaceId) -> bool:
        """Carry out the next requests; False when there is none, the plan is locked, or much is left."""
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            # Begun in a transaction of its own, so that everyone sees it running while it runs.
            if not await try_plan_lock(conn, workspace_id):
                return False
            begun = await begin_recalculations(conn, workspace_id, now=now)
            if not begun:
                return False
            await expect_emails(conn, workspace_id, begun)
        ids = [each.id for each in begun]
        try:
            with collector_paused():
                return await self._turn(workspace_id, begun)
        except PlanMoved:
            await self._give_up(ids, error="PLAN_MOVED")
            return True
        except OperationalError:
            # The database was away or broke a deadlock: the request stays open and is taken up again.
            raise
        except Exception as error:
            await self._give_up(ids, error=type(error).__name__)
            raise

    async def _give_up(self, ids: Sequence[RecalculationId], *, error: str) -> None:
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            await fail_recalculations(conn, ids, error=error, now=now)

    async def _turn(self, workspace_id: WorkspaceId, begun: Sequence[Recalculation]) -> bool:
        """Write what *begun* change, or the first part of it; whether that was all."""
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            if not await try_plan_lock(conn, workspace_id):
                return False
            if await begin_recalculations(conn, workspace_id, now=now) != begun:
                return True  # another recalculator carried it out meanwhile
            written, is_done = await self._write(conn, workspace_id, begun, now=now)
            await notify(conn, "due")
        log.info(
            "emails.recalculated",
            workspace_id=str(workspace_id),
            recalculation_id=str(begun[0].id),
            cause=begun[0].cause,
            is_done=is_done,
            moved=written.moved,
            unchanged=written.unchanged,
            cancelled=written.cancelled,
            infeasible=written.infeasible,
        )
        log_moves(written)
        return is_done

    async def _write(
        self,
        conn: AsyncConnection,
        workspace_id: WorkspaceId,
        begun: Sequence[Recalculation],
        *,
        now: datetime,
    ) -> tuple[Written, bool]:
        first, ids = begun[0], [each.id for each in begun]
        scope = await replan_scope(conn, workspace_id, [each.request for each in begun])
        promise = first.promise
        draft = await draft_rebalance(
            conn, workspace_id, scope, now=now if promise is None else promise.as_of
        )
        if promise is not None and not draft.keeps(promise, now=now):
            raise PlanMoved
        part = draft.plan if first.is_whole else first_part(draft.plan, most=self._turn_size)
        cancelled = await cancel_by_policy(conn, workspace_id, scope.ending, now=now) if scope.ending else 0
        written = await write_replan(conn, workspace_id, scope.ids, part, now=now, recalculation_id=first.id)
        written.cancelled += cancelled
        is_done = part is draft.plan
        total = written.looked_at if is_done else draft.figures().looked_at
        await record_progress(conn, ids, written, total=total)
        if is_done:
            await finish_recalculations(conn, ids, first=first.id, now=now)
        return written, is_done
