"""Asking for enrollments."""

from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.inputs.enrollment_filter import EnrollmentFilter, Filter
from api.types.enrollment import Enrollment
from api.wanted import wanted
from persistence.reading.enrollments import ORDER

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
        rows = (filter or EnrollmentFilter()).rows(info.context.workspace_id)
        return await connection(info, Enrollment, rows, ORDER, Paging(first, after, last, before, order))
