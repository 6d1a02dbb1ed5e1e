"""Contacts."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from api.context import Info
from api.fields import resolves
from api.scalars import EmailAddress, TimeZone
from api.types.nested_lists import Emails, Enrollments, lists_emails, lists_enrollments
from api.types.node import Node
from domain.lifecycle import ContactStatus
from persistence.tables import enrollments, scheduled_emails

if TYPE_CHECKING:
    from api.types.suppression import Suppression

TheSuppression = Annotated["Suppression", strawberry.lazy("api.types.suppression")]


@strawberry.type(description="A person who can be written to.")
class Contact(Node):
    email: EmailAddress = strawberry.field(
        description="Their address, unique in the workspace; deleted, a pseudonym at erased.invalid."
    )
    first_name: str | None = strawberry.field(description="Their first name, if known.")
    last_name: str | None = strawberry.field(description="Their last name, if known.")
    company: str | None = strawberry.field(description="Where they work, if known.")
    phone: str | None = strawberry.field(description="Their telephone number, if known.")
    zone: TimeZone | None = strawberry.field(description="Their own zone, if known.")
    custom_fields: JSON = strawberry.field(description="Further fields that templates may use, by name.")
    status: ContactStatus = strawberry.field(description="Whether they can be written to.")
    bounced_at: datetime | None = strawberry.field(description="When their address turned out not to exist.")
    soft_bounces: int = strawberry.field(
        description="Emails that were given up because their mailbox stayed full."
    )
    unsubscribed_at: datetime | None = strawberry.field(description="When they asked for no more emails.")
    deleted_at: datetime | None = strawberry.field(
        description="When they were deleted; nothing that tells who they are is there any more."
    )
    version: int = strawberry.field(description="Grows with every change; give it back as `expectedVersion`.")
    created_at: datetime = strawberry.field(description="When they were added.")
    updated_at: datetime = strawberry.field(description="When they were last changed.")
    enrollments: Enrollments = lists_enrollments(
        "Their enrollments, in the order in which they were enrolled, the last one first by default.",
        of=enrollments.c.contact_id,
    )
    scheduled_emails: Emails = lists_emails(
        "All emails to them: planned, sent, and whatever else became of them.",
        of=scheduled_emails.c.contact_id,
    )

    @resolves("The entry of their address on the suppression list; null if there is none.")
    async def suppression(self, info: Info) -> TheSuppression | None:
        from api.types.suppression import Suppression  # it leads to an email, and that to its contact

        standing = await info.context.loaders.suppressions_of_contact.load(self.uuid)
        return Suppression.of(standing[0]) if standing else None
