"""Asking for sequences."""

from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.inputs.sequence_filter import Filter, SequenceFilter
from api.types.sequence import Sequence
from api.wanted import wanted
from persistence.reading.sequences import ORDER

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
        rows = (filter or SequenceFilter()).rows(info.context.workspace_id)
        return await connection(info, Sequence, rows, ORDER, Paging(first, after, last, before, order))
