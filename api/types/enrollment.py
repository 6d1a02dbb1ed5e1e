"""Enrollments: contacts on their way through sequences."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.fields import resolves
from api.types.contact import Contact
from api.types.mailbox import Mailbox
from api.types.nested_lists import Emails, lists_emails
from api.types.node import Node, present
from api.types.sequence import Sequence
from domain.lifecycle import EnrollmentStatus
from persistence.tables import scheduled_emails

if TYPE_CHECKING:
    from api.types.scheduled_email import ScheduledEmail

Itinerary = list[Annotated["ScheduledEmail", strawberry.lazy("api.types.scheduled_email")]]


@strawberry.type(description="One contact on the way through one sequence.")
class Enrollment(Node):
    status: EnrollmentStatus = strawberry.field(description="How far the contact is.")
    enrolled_at: datetime = strawberry.field(description="When the contact was enrolled.")
    started_at: datetime | None = strawberry.field(description="When the first email left.")
    current_step: int = strawberry.field(
        description="Position of the last step that was sent; 0 before the first."
    )
    next_send_at: datetime | None = strawberry.field(
        description="When the next email is planned to leave, if one is; on hold, as its `heldBy` says, it "
        "keeps that time until it goes on."
    )
    paused_at: datetime | None = strawberry.field(description="When it was put on hold.")
    completed_at: datetime | None = strawberry.field(description="When it ended, in whatever way.")
    version: int = strawberry.field(description="Grows with every change; give it back as `expectedVersion`.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    scheduled_emails: Emails = lists_emails(
        "All its emails: those of its `itinerary`, and those that were sent, cancelled or given up.",
        of=scheduled_emails.c.enrollment_id,
    )
    sequence_id: strawberry.Private[UUID]
    contact_id: strawberry.Private[UUID]
    mailbox_id: strawberry.Private[UUID | None]

    @resolves("The sequence.")
    async def sequence(self, info: Info) -> Sequence:
        return Sequence.of(present(await info.context.loaders.sequences.load(self.sequence_id)))

    @resolves("The contact.")
    async def contact(self, info: Info) -> Contact:
        return Contact.of(present(await info.context.loaders.contacts.load(self.contact_id)))

    @resolves("The mailbox that all its emails leave from; null until the first is placed.")
    async def mailbox(self, info: Info) -> Mailbox | None:
        if self.mailbox_id is None:
            return None
        return Mailbox.of(present(await info.context.loaders.mailboxes.load(self.mailbox_id)))

    @resolves("Every email still to come with its time, in order. Empty until placed, which takes a moment.")
    async def itinerary(self, info: Info) -> Itinerary:
        from api.types.scheduled_email import ScheduledEmail  # the two kinds lead to each other

        return [ScheduledEmail.of(row) for row in await info.context.loaders.itineraries.load(self.uuid)]
