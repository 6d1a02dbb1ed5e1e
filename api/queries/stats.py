"""Asking how much is under way, and how emails ended."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

import strawberry

from api.context import Info
from api.fields import resolves
from api.types.delivery_stats import DeliveryStats, From, To, span_of
from api.types.queue_stats import QueueStats, take_queue_stats
from api.wanted import wanted_sequence
from persistence.reading.deliveries import delivered, delivered_daily
from persistence.reading.pages import AnyRow

SequenceId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Of this sequence alone; all by default.")
]


@strawberry.type
class StatsQueries:
    @resolves("How much is due, under way and done at this moment.")
    async def queue_stats(self, info: Info) -> QueueStats:
        context = info.context
        return await take_queue_stats(
            context.services.database, context.workspace_id, now=await context.now()
        )

    @resolves(
        "How emails ended, of all or of one sequence; each mailbox and each sequence has the same of itself."
    )
    async def delivery_stats(
        self, info: Info, from_: From = None, to: To = None, sequence_id: SequenceId = None
    ) -> DeliveryStats:
        span, context = span_of(from_, to), info.context
        wanted = await wanted_sequence(context.loaders, sequence_id)
        if wanted is not None:
            return await DeliveryStats.of_sequence(context.loaders, wanted, span)

        async def daily() -> Mapping[date, AnyRow]:
            async with context.transaction() as conn:
                rows = await delivered_daily(conn, context.workspace_id, first=span[0], last=span[1])
            return {row.day: row for row in rows}

        async with context.transaction() as conn:
            row = await delivered(conn, context.workspace_id, first=span[0], last=span[1])
        return DeliveryStats.of(row, span, daily)
