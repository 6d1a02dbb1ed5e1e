"""Addresses that are written to no more."""

from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Info
from api.fields import resolves
from api.scalars import EmailAddress
from api.types.node import Node, present
from api.types.scheduled_email import ScheduledEmail
from api.vocabulary import described
from persistence.suppressions import SuppressionReason

described(
    SuppressionReason,
    description="Why an address is written to no more.",
    values={
        SuppressionReason.HARD_BOUNCE: "It does not exist.",
        SuppressionReason.UNSUBSCRIBED: "Its owner wants no more emails.",
        SuppressionReason.COMPLAINT: "Its owner called an email spam.",
        SuppressionReason.MANUAL: "Somebody put it on the list.",
        SuppressionReason.DELETED: "Its contact was deleted.",
    },
)


@strawberry.type(description="An address that is written to no more, whether a contact has it or not.")
class Suppression(Node):
    address: EmailAddress = strawberry.field(
        description="The address, in the form that is compared; of somebody whose contact was deleted, a"
        " pseudonym at erased.invalid that only Drumbeat can tell from others."
    )
    reason: SuppressionReason = strawberry.field(description="Why it is on the list.")
    created_at: datetime = strawberry.field(description="Since when it is on the list.")
    email_id: strawberry.Private[UUID | None]

    @resolves("The email that gave the reason, if one did.")
    async def email(self, info: Info) -> ScheduledEmail | None:
        if self.email_id is None:
            return None
        return ScheduledEmail.of(present(await info.context.loaders.scheduled_emails.load(self.email_id)))
