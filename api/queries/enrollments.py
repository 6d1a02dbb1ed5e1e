"""Asking for enrollments."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.ids import optional_uuid_of
from api.types.enrollment import Enrollment
from api.wanted import wanted
from domain.lifecycle import EnrollmentStatus
from persistence.reading.enrollments import ORDER, enrollments_where


@strawberry.input(description="Which enrollments; every condition that is given must hold.")
class EnrollmentFilter:
    status: list[EnrollmentStatus] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    sequence_id: strawberry.ID | None = strawberry.field(default=None, description="Of this sequence.")
    contact_id: strawberry.ID | None = strawberry.field(default=None, description="Of this contact.")
    mailbox_id: strawberry.ID | None = strawberry.field(default=None, description="Served by this mailbox.")
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")


Filter = Annotated[EnrollmentFilter | None, strawberry.argument(description="Which ones; all by default.")]
Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the enrollment.")]


@strawberry.type
class EnrollmentQueries:
    @resolves("One enrollment.")
    async def enrollment(self, info: Info, id: Id) -> Enrollment | None:  # noqa: A002
        return Enrollment.of(await wanted(info.context.loaders.enrollments, "Enrollment", id))

    @resolves(
        "Enrollments, in the order in which contacts were enrolled, the last one first unless you say so."
    )
    async def enrollments(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Enrollment]:
        asked = filter or EnrollmentFilter()
        rows = enrollments_where(
            info.context.workspace_id,
            statuses=asked.status,
            sequence_id=optional_uuid_of("Sequence", asked.sequence_id),
            contact_id=optional_uuid_of("Contact", asked.contact_id),
            mailbox_id=optional_uuid_of("Mailbox", asked.mailbox_id),
            updated_since=asked.updated_since,
        )
        return await connection(info, Enrollment, rows, ORDER, Paging(first, after, last, before, order))
