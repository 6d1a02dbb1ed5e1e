"""Asking for sequences."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.types.sequence import Sequence
from api.wanted import wanted
from domain.lifecycle import SequenceStatus
from persistence.reading.sequences import ORDER, sequences_where


@strawberry.input(description="Which sequences; every condition that is given must hold.")
class SequenceFilter:
    status: list[SequenceStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")


Filter = Annotated[
    SequenceFilter | None,
    strawberry.argument(
        description="Which ones; all but those of batches by default, which `batches` lists."
    ),
]
Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the sequence.")]


@strawberry.type
class SequenceQueries:
    @resolves("One sequence.")
    async def sequence(self, info: Info, id: Id) -> Sequence | None:  # noqa: A002
        return Sequence.of(await wanted(info.context.loaders.sequences, "Sequence", id))

    @resolves("Sequences, by when they were made.")
    async def sequences(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Sequence]:
        asked = filter or SequenceFilter()
        rows = sequences_where(
            info.context.workspace_id, statuses=asked.status, updated_since=asked.updated_since
        )
        return await connection(info, Sequence, rows, ORDER, Paging(first, after, last, before, order))
