"""Watching how much is under way."""

from collections.abc import AsyncGenerator

import strawberry

from api.context import Info
from api.fields import subscribes
from api.live.states import states
from api.types.queue_stats import QueueStats, take_queue_stats


@strawberry.type
class QueueStatsSubscriptions:
    @subscribes("How much is due, under way and done: at once, with every change, and every few seconds.")
    async def queue_stats(self, info: Info) -> AsyncGenerator[QueueStats, None]:
        context = info.context
        services, workspace_id, live = context.services, context.workspace_id, context.services.live

        async def read() -> QueueStats:
            return await take_queue_stats(services.database, workspace_id, now=await services.clock.now())

        def source() -> AsyncGenerator[QueueStats]:
            return states(
                live.changes,
                workspace_id,
                read,
                at_most_every=live.timing.at_most_every,
                at_least_every=live.timing.at_least_every,
            )

        async with live.broadcasts.join(("queueStats", workspace_id), source) as told:
            async for figures in told:
                context.renew()
                yield figures
