"""Foresight: what a change does to the plan, shown in a rehearsal, or held against what was promised."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncConnection

from api.context import Context
from api.plan_previews import check_kept, shown
from api.types.plan_preview import PlanPreview
from domain.rebalances import REBALANCE, Promise, RebalanceScope
from persistence.open_enrollments import next_turn
from persistence.rebalance_preview import Rebalance, draft_rebalance
from persistence.replan_scopes import ReplanRequest, ReplanScope, replan_scope
from persistence.stops import open_enrollments


class Foresight:
    """
    Looks at the plan as the transaction of a change sees it, if that is rehearsed or was promised something.

    In a rehearsal *preview* says what it found, promised to *change*; there is none if nothing is planned
    that may change.
    """

    def __init__(
        self,
        conn: AsyncConnection,
        context: Context,
        now: datetime,
        *,
        is_rehearsal: bool = False,
        change: bytes = REBALANCE,
        promise: Promise | None = None,
    ) -> None:
        self.is_rehearsal = is_rehearsal
        self.preview: PlanPreview | None = None
        self._conn = conn
        self._context = context
        self._now = now
        self._change = change
        # What the plan has to become; kept when it was seen to.
        self._promise = promise

    async def of_replan(self, requests: Sequence[ReplanRequest]) -> None:
        """What the recalculation that *requests* ask for together would make of the plan."""
        if self._is_wanted:
            scope = await replan_scope(self._conn, self._context.workspace_id, requests, lock=False)
            as_of = self._now if self._promise is None else self._promise.as_of
            await self._look(scope, as_of=as_of)

    async def of_turn(self) -> None:
        """
        What the planner's next turn would place and move.

        As of now, whatever was promised: a day's rest is shared out anew from moment to moment, and what is
        new was promised by days.
        """
        if self._is_wanted:
            ids = await next_turn(self._conn, self._context.workspace_id, now=self._now)
            if ids:
                await self._look(ReplanScope(ids, is_locked=False), as_of=self._now)

    async def of_end(self, matching: ColumnElement[bool]) -> None:
        """What leaves the plan with the open enrollments that *matching* holds for, before they end."""
        if self._is_wanted:
            ids = await open_enrollments(self._conn, self._context.workspace_id, matching)
            if ids:
                scope = ReplanScope(ids, ending=frozenset(ids), is_locked=False)
                await self._look(scope, as_of=self._now)

    def see_promise_kept(self, draft: Rebalance | None = None) -> None:
        """Refuse the change if a plan was promised and *draft* is another one, or there is none."""
        if self._promise is not None:
            check_kept(draft, self._promise, now=self._now, field="planToken")
            self._promise = None

    @property
    def _is_wanted(self) -> bool:
        return self.is_rehearsal or self._promise is not None

    async def _look(self, scope: ReplanScope, *, as_of: datetime) -> None:
        draft = await draft_rebalance(self._conn, self._context.workspace_id, scope, now=as_of)
        if self.is_rehearsal:
            self.preview = await shown(
                self._conn,
                self._context,
                draft,
                scope=RebalanceScope(),
                as_of=self._now,
                change=self._change,
            )
        self.see_promise_kept(draft)
