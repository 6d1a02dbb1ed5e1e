"""Asking how much is under way, and how emails ended."""

import strawberry

from api.context import Info
from api.fields import resolves
from api.types.delivery_stats import DeliveryStats, From, To, span_of
from api.types.queue_stats import QueueStats, take_queue_stats
from persistence.reading.deliveries import delivered


@strawberry.type
class StatsQueries:
    @resolves("How much is due, under way and done at this moment.")
    async def queue_stats(self, info: Info) -> QueueStats:
        context = info.context
        return await take_queue_stats(
            context.services.database, context.workspace_id, now=await context.now()
        )

    @resolves("How emails ended, over all mailboxes; each mailbox and each sequence has its own figures.")
    async def delivery_stats(self, info: Info, from_: From = None, to: To = None) -> DeliveryStats:
        first, last = span_of(from_, to)
        async with info.context.transaction() as conn:
            row = await delivered(conn, info.context.workspace_id, first=first, last=last)
        return DeliveryStats(**row._mapping)
