"""Asking for mailboxes."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.fields import resolves
from api.types.mailbox import Mailbox
from api.wanted import wanted
from domain.lifecycle import MailboxStatus
from persistence.reading.mailboxes import ORDER, mailboxes_where


@strawberry.input(description="Which mailboxes; every condition that is given must hold.")
class MailboxFilter:
    status: list[MailboxStatus] | None = strawberry.field(
        default=None, description="In one of these states; all but removed ones by default."
    )
    search: str | None = strawberry.field(
        default=None, description="With this text in the name, the address or the owner, in any case."
    )
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")


Filter = Annotated[
    MailboxFilter | None, strawberry.argument(description="Which ones; all but removed ones by default.")
]
Id = Annotated[strawberry.ID, strawberry.argument(description="The id of the mailbox.")]


@strawberry.type
class MailboxQueries:
    @resolves("One mailbox.")
    async def mailbox(self, info: Info, id: Id) -> Mailbox | None:  # noqa: A002
        return Mailbox.of(await wanted(info.context.loaders.mailboxes, "Mailbox", id))

    @resolves("Mailboxes, by when they were added.")
    async def mailboxes(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        order: InDirection = Direction.ASC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Mailbox]:
        asked = filter or MailboxFilter()
        rows = mailboxes_where(
            info.context.workspace_id,
            statuses=asked.status,
            search=asked.search,
            updated_since=asked.updated_since,
        )
        return await connection(info, Mailbox, rows, ORDER, Paging(first, after, last, before, order))
