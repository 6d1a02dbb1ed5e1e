"""What happened to emails, and how their times were moved."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.fields import resolves
from api.types.mailbox import Mailbox
from api.types.node import Node, present
from api.types.recalculation import Recalculation
from domain import lifecycle
from domain.itineraries import MoveCause

if TYPE_CHECKING:
    from api.types.scheduled_email import ScheduledEmail

TheEmail = Annotated["ScheduledEmail", strawberry.lazy("api.types.scheduled_email")]


@strawberry.type(description="Something that happened to a scheduled email.")
class EmailEvent(Node):
    kind: lifecycle.EmailEvent = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When it happened.")
    attempt: int = strawberry.field(description="In which attempt to send it; 0 before the first.")
    code: int | None = strawberry.field(description="The reply code of the mailbox's server (RFC 5321).")
    reply: str | None = strawberry.field(description="The reply of the mailbox's server.")
    cause: str | None = strawberry.field(description="Why it happened, where the kind does not say it.")
    email_id: strawberry.Private[UUID]
    mailbox_id: strawberry.Private[UUID | None]

    @resolves("The email.")
    async def email(self, info: Info) -> TheEmail:
        from api.types.scheduled_email import ScheduledEmail  # the two kinds lead to each other

        return ScheduledEmail.of(present(await info.context.loaders.scheduled_emails.load(self.email_id)))

    @resolves("The mailbox that was to send it, if it had one.")
    async def mailbox(self, info: Info) -> Mailbox | None:
        return await _mailbox(self.mailbox_id, info)


@strawberry.type(description="A planned email was given another time or another mailbox.")
class EmailMove(Node):
    from_send_at: datetime | None = strawberry.field(description="The time that it had; null if it had none.")
    to_send_at: datetime | None = strawberry.field(description="The time that it got; null if there is none.")
    cause: MoveCause = strawberry.field(description="Why it was moved.")
    at: datetime = strawberry.field(description="When it was moved.")
    from_mailbox_id: strawberry.Private[UUID | None]
    to_mailbox_id: strawberry.Private[UUID | None]
    recalculation_id: strawberry.Private[UUID | None]

    @resolves("The mailbox that it was to leave from.")
    async def from_mailbox(self, info: Info) -> Mailbox | None:
        return await _mailbox(self.from_mailbox_id, info)

    @resolves("The mailbox that it is to leave from now.")
    async def to_mailbox(self, info: Info) -> Mailbox | None:
        return await _mailbox(self.to_mailbox_id, info)

    @resolves("The recalculation that moved it, if one did.")
    async def recalculation(self, info: Info) -> Recalculation | None:
        if self.recalculation_id is None:
            return None
        return Recalculation.of(
            present(await info.context.loaders.recalculations.load(self.recalculation_id))
        )


async def _mailbox(mailbox_id: UUID | None, info: Info) -> Mailbox | None:
    if mailbox_id is None:
        return None
    return Mailbox.of(present(await info.context.loaders.mailboxes.load(mailbox_id)))
