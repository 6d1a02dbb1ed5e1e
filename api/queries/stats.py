"""Asking how much is under way, and how emails ended."""

from typing import Annotated

import strawberry

from api.context import Info
from api.errors import NotFound
from api.fields import resolves
from api.ids import optional_uuid_of
from api.types.delivery_stats import DeliveryStats, From, To, span_of
from api.types.queue_stats import QueueStats, take_queue_stats
from persistence.reading.deliveries import delivered

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
        first, last = span_of(from_, to)
        loaders, wanted = info.context.loaders, optional_uuid_of("Sequence", sequence_id)
        if wanted is not None:
            if await loaders.sequences.load(wanted) is None:
                raise NotFound("sequence")
            return DeliveryStats.of(await loaders.deliveries_of_sequence.load((wanted, first, last)))
        async with info.context.transaction() as conn:
            return DeliveryStats.of(await delivered(conn, info.context.workspace_id, first=first, last=last))
