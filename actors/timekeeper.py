"""The timekeeper: one tick looks for work in every workspace and sets the actors off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from actors.clocks import Clock
from actors.outage import QueueUnavailable
from actors.publisher import Publisher
from actors.queues import DISPATCHER, PLANNER, RECALCULATOR
from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.dispatches import forget_old, trigger
from persistence.idempotency_keys import forget_expired
from persistence.leadership import Leader, fence
from persistence.mailbox_troubles import unblock_rested
from persistence.pending_work import find_work
from persistence.progress import complete_left_behind
from persistence.rate_limits import WINDOW, forget_past
from persistence.schedule_runs import begin_nightly, request_pull_forward
from persistence.under_way import forget_ended

log = structlog.get_logger(__name__)

RESCUE = "rescue"
# How long what was handed to the broker is kept to be looked at, in real time.
_KEPT = timedelta(days=7)

# An actor to set off and its arguments.
_Call = tuple[str, tuple[str, ...]]


class Timekeeper:
    """
    Ticks for a leader. SQL alone happens inside a tick; what it finds is published after its commit, so
    a message that is lost is found again by a later tick.
    """

    def __init__(
        self,
        *,
        database: Database,
        publisher: Publisher,
        clock: Clock,
        grace: timedelta,
        on_tick: Callable[[datetime], object] = lambda now: None,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._grace = grace
        # The in-process broker releases what has waited long enough here; RabbitMQ does it by itself.
        self._on_tick = on_tick

    async def tick(self, leader: Leader) -> int:
        """
        Look once; how many actors were set off.

        Raises:
            LeadershipLost: When *leader* leads no more; nothing was written then.
        """
        await leader.show_life()
        now = await self._clock.now()
        self._on_tick(now)
        async with self._database.transaction() as conn:
            await fence(conn, leader)
            calls = await self._look(conn, now)
        for actor, arguments in calls:
            try:
                await self._publisher.publish(actor, *arguments)
            except QueueUnavailable as unavailable:
                # The others would wait for the same broker, and the leader must show life meanwhile.
                log.error("trigger.not_published", actor=actor, cause=unavailable.cause)
                break
        return len(calls)

    async def _look(self, conn: AsyncConnection, now: datetime) -> list[_Call]:
        if begun := await begin_nightly(conn, now=now):
            await request_pull_forward(conn, begun, now=now)
            await forget_old(conn, before=datetime.now(UTC) - _KEPT)
            await forget_expired(conn)
            await forget_past(conn, before=datetime.now(UTC) - WINDOW)
        await unblock_rested(conn, now=now)
        await forget_ended(conn, now=now)
        await complete_left_behind(conn, now=now)
        work = await find_work(conn, now=now, grace=self._grace)
        calls: list[_Call] = []
        for workspace_id in work.to_plan:
            await _set_off(conn, calls, PLANNER, workspace_id)
        for workspace_id in work.to_recalculate:
            await _set_off(conn, calls, RECALCULATOR, workspace_id)
        if work.has_due:
            await _set_off(conn, calls, DISPATCHER)
        if work.has_expired or work.has_overdue_retries:
            await _set_off(conn, calls, RESCUE)
        return calls


async def _set_off(
    conn: AsyncConnection, calls: list[_Call], actor: str, workspace_id: WorkspaceId | None = None
) -> None:
    """Add a call, unless an earlier one is still on its way: triggers do not pile up."""
    dispatch_id: UUID | None = await trigger(conn, actor, workspace_id=workspace_id)
    if dispatch_id is not None:
        scope = () if workspace_id is None else (str(workspace_id),)
        calls.append((actor, (str(dispatch_id), *scope)))
