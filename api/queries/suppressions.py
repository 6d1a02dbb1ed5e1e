"""Asking for suppressed addresses."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.inputs.contact_filter import normalised_or_refused
from api.scalars import EmailAddress
from api.types.suppression import Suppression
from persistence.reading.suppressions import ORDER, suppressions_where
from persistence.suppressions import SuppressionReason


@strawberry.input(description="Which addresses; every condition that is given must hold.")
class SuppressionFilter:
    address: EmailAddress | None = strawberry.field(default=None, description="This one, in any case.")
    reason: list[SuppressionReason] | None = strawberry.field(
        default=None, description="For one of these reasons."
    )
    created_since: datetime | None = strawberry.field(default=None, description="On the list since then.")


Filter = Annotated[SuppressionFilter | None, strawberry.argument(description="Which ones; all by default.")]


@strawberry.type
class SuppressionQueries:
    @resolves("Addresses that are written to no more, by when they came on the list.")
    async def suppressions(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Suppression]:
        asked = filter or SuppressionFilter()
        rows = suppressions_where(
            info.context.workspace_id,
            address=normalised_or_refused(asked.address),
            reasons=asked.reason,
            created_since=asked.created_since,
        )
        return await connection(info, Suppression, rows, ORDER, Paging(first, after, last, before, order))
