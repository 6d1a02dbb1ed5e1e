"""Asking for contacts."""

from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.inputs.contact_filter import ContactFilter
from api.types.contact import Contact
from api.wanted import wanted
from persistence.reading.contacts import ORDER

Filter = Annotated[
    ContactFilter | None, strawberry.argument(description="Which ones; all but deleted ones by default.")
]
Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the contact.")]


@strawberry.type
class ContactQueries:
    @resolves("One contact.")
    async def contact(self, info: Info, id: Id) -> Contact | None:  # noqa: A002
        return Contact.of(await wanted(info.context.loaders.contacts, "Contact", id))

    @resolves("Contacts, by when they were added.")
    async def contacts(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Contact]:
        asked = filter or ContactFilter()
        await asked.check_ids(info.context.loaders)
        rows = asked.rows(info.context.workspace_id)
        return await connection(info, Contact, rows, ORDER, Paging(first, after, last, before, order))
