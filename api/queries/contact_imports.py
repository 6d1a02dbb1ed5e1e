"""Asking for imports."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.types.contact_import import Import
from api.wanted import wanted
from domain.imports import ImportStatus
from persistence.reading.contact_imports import ORDER, imports_where


@strawberry.input(description="Which imports; every condition that is given must hold.")
class ImportFilter:
    status: list[ImportStatus] | None = strawberry.field(default=None, description="In one of these states.")
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")


Filter = Annotated[ImportFilter | None, strawberry.argument(description="Which ones; all by default.")]
Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the import.")]


@strawberry.type
class ImportQueries:
    @resolves("One import.", name="import")
    async def contact_import(self, info: Info, id: Id) -> Import | None:  # noqa: A002
        return Import.of(await wanted(info.context.loaders.imports, "Import", id))

    @resolves("Imports of contacts, by when they began.")
    async def imports(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Import]:
        asked = filter or ImportFilter()
        rows = imports_where(
            info.context.workspace_id, statuses=asked.status, updated_since=asked.updated_since
        )
        return await connection(info, Import, rows, ORDER, Paging(first, after, last, before, order))
