"""Asking for batches."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.types.batch import Batch
from api.wanted import wanted
from domain.lifecycle import SequenceStatus
from persistence.reading.batches import ORDER, batches_where


@strawberry.input(description="Which batches; every condition that is given must hold.")
class BatchFilter:
    status: list[SequenceStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")


Filter = Annotated[BatchFilter | None, strawberry.argument(description="Which ones; all by default.")]
Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the batch.")]


@strawberry.type
class BatchQueries:
    @resolves("One batch.")
    async def batch(self, info: Info, id: Id) -> Batch | None:  # noqa: A002
        return Batch.of(await wanted(info.context.loaders.batches, "Batch", id))

    @resolves("Batches, by when they were scheduled.")
    async def batches(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Batch]:
        asked = filter or BatchFilter()
        rows = batches_where(
            info.context.workspace_id, statuses=asked.status, updated_since=asked.updated_since
        )
        return await connection(info, Batch, rows, ORDER, Paging(first, after, last, before, order))
