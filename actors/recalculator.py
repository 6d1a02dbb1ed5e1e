"""The recalculator: replans what a change of steps, windows or mailboxes touches."""

from collections.abc import Collection
from uuid import UUID

import structlog
from sqlalchemy.exc import OperationalError

from actors.clocks import Clock
from actors.planner import log_moves
from domain.ids import MailboxId, WorkspaceId
from domain.recalculations import GAINING, REBINDING
from persistence.collector import collector_paused
from persistence.database import Database, notify
from persistence.dispatches import carried_out
from persistence.leaving_emails import ending_by_policy
from persistence.open_enrollments import in_scope
from persistence.plan_lock import try_plan_lock
from persistence.rebalance_preview import with_leaving
from persistence.recalculations import (
    Recalculation,
    begin_recalculation,
    cancel_by_policy,
    fail_recalculation,
    finish_recalculation,
)
from persistence.replanning import draft_replan, write_replan

log = structlog.get_logger(__name__)

_MOST = 100


class PlanMoved(Exception):
    """The plan is no longer the one that was promised, so it is not written."""


class Recalculator:
    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def __call__(self, dispatch_id: str | None, workspace_id: str) -> None:
        """Carry out the requests of *workspace_id*, oldest first."""
        async with carried_out(self._database, dispatch_id):
            for _ in range(_MOST):
                if not await self._next(WorkspaceId(UUID(workspace_id))):
                    break

    async def _next(self, workspace_id: WorkspaceId) -> bool:
        """Carry out one request; False when there is none, or the plan is locked."""
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            # Begun in a transaction of its own, so that everyone sees it running while it runs.
            if not await try_plan_lock(conn, workspace_id):
                return False
            recalculation = await begin_recalculation(conn, workspace_id, now=now)
        if recalculation is None:
            return False
        try:
            with collector_paused():
                return await self._carry_out(workspace_id, recalculation)
        except PlanMoved:
            async with self._database.transaction() as conn:
                await fail_recalculation(conn, recalculation.id, error="PLAN_MOVED")
            return True
        except OperationalError:
            # The database was away or broke a deadlock: the request stays open and is taken up again.
            raise
        except Exception as error:
            async with self._database.transaction() as conn:
                await fail_recalculation(conn, recalculation.id, error=type(error).__name__)
            raise

    async def _carry_out(self, workspace_id: WorkspaceId, recalculation: Recalculation) -> bool:
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            if not await try_plan_lock(conn, workspace_id):
                return False
            if await begin_recalculation(conn, workspace_id, now=now) != recalculation:
                return True  # another recalculator carried it out meanwhile
            ids = await in_scope(
                conn, workspace_id, sequence_id=recalculation.sequence_id, mailbox_ids=_touched(recalculation)
            )
            ending = await ending_by_policy(conn, workspace_id, ids)
            promise = recalculation.promise
            draft = await draft_replan(
                conn,
                workspace_id,
                ids,
                now=now if promise is None else promise.as_of,
                ending=ending,
                may_gain=recalculation.cause in GAINING,
                may_rebind=recalculation.cause in REBINDING,
            )
            if promise is not None:
                rebalance = await with_leaving(conn, workspace_id, ids, draft, ending=ending)
                if not rebalance.keeps(promise, now=now):
                    raise PlanMoved
            cancelled = await cancel_by_policy(conn, workspace_id, ending, now=now) if ending else 0
            written = await write_replan(
                conn, workspace_id, ids, draft, now=now, recalculation_id=recalculation.id
            )
            written.cancelled += cancelled
            await finish_recalculation(conn, recalculation.id, written, now=now)
            await notify(conn, "due")
        log.info(
            "emails.recalculated",
            workspace_id=str(workspace_id),
            recalculation_id=str(recalculation.id),
            cause=recalculation.cause,
            moved=written.moved,
            unchanged=written.unchanged,
            cancelled=written.cancelled,
            infeasible=written.infeasible,
        )
        log_moves(written)
        return True


def _touched(recalculation: Recalculation) -> Collection[MailboxId]:
    """The mailboxes whose emails are looked at; none is all."""
    if recalculation.promise is not None:
        return recalculation.promise.scope.mailbox_ids
    if recalculation.cause in REBINDING or recalculation.mailbox_id is None:
        return ()
    return (recalculation.mailbox_id,)
