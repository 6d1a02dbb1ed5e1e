"""Asking for recalculations."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.ids import optional_uuid_of
from api.types.recalculation import Recalculation
from api.wanted import wanted
from domain.recalculations import RecalculationCause, RecalculationStatus
from persistence.reading.recalculations import ORDER, recalculations_where


@strawberry.input(description="Which recalculations; every condition that is given must hold.")
class RecalculationFilter:
    status: list[RecalculationStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    cause: list[RecalculationCause] | None = strawberry.field(
        default=None, description="Set off by one of these."
    )
    sequence_id: strawberry.ID | None = strawberry.field(default=None, description="Of this sequence.")
    mailbox_id: strawberry.ID | None = strawberry.field(default=None, description="Of this mailbox.")
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")


Filter = Annotated[RecalculationFilter | None, strawberry.argument(description="Which ones; all by default.")]
Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the recalculation.")]


@strawberry.type
class RecalculationQueries:
    @resolves("One recalculation.")
    async def recalculation(self, info: Info, id: Id) -> Recalculation | None:  # noqa: A002
        return Recalculation.of(await wanted(info.context.loaders.recalculations, "Recalculation", id))

    @resolves("Recalculations, by when they were asked for.")
    async def recalculations(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Recalculation]:
        asked = filter or RecalculationFilter()
        rows = recalculations_where(
            info.context.workspace_id,
            statuses=asked.status,
            causes=asked.cause,
            sequence_id=optional_uuid_of("Sequence", asked.sequence_id),
            mailbox_id=optional_uuid_of("Mailbox", asked.mailbox_id),
            updated_since=asked.updated_since,
        )
        return await connection(info, Recalculation, rows, ORDER, Paging(first, after, last, before, order))
