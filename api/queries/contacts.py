"""Asking for contacts."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.errors import BadUserInput, NotFound
from api.fields import resolves
from api.ids import uuid_of
from api.scalars import EmailAddress
from api.types.contact import Contact
from domain.addresses import InvalidAddress, normalised
from domain.lifecycle import ContactStatus
from persistence.reading.contacts import ORDER, contacts_where


@strawberry.input(description="Which contacts; every condition that is given must hold.")
class ContactFilter:
    status: list[ContactStatus] | None = strawberry.field(
        default=None, description="In one of these states; all but deleted ones by default."
    )
    email: EmailAddress | None = strawberry.field(default=None, description="With this address, in any case.")
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")


Filter = Annotated[
    ContactFilter | None, strawberry.argument(description="Which ones; all but deleted ones by default.")
]
Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the contact.")]


@strawberry.type
class ContactQueries:
    @resolves("One contact.")
    async def contact(self, info: Info, id: Id) -> Contact | None:  # noqa: A002
        row = await info.context.loaders.contacts.load(uuid_of("Contact", id))
        if row is None:
            raise NotFound("contact")
        return Contact.of(row)

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
        rows = contacts_where(
            info.context.workspace_id,
            statuses=asked.status,
            normalised_email=_normalised(asked.email),
            updated_since=asked.updated_since,
        )
        return await connection(info, Contact, rows, ORDER, Paging(first, after, last, before, order))


def _normalised(address: EmailAddress | None) -> str | None:
    if address is None:
        return None
    try:
        return normalised(address)
    except InvalidAddress as error:
        raise BadUserInput(error.reason) from None
