"""Scheduled emails by what they have in common, and the orders in which they are listed."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.ids import optional_uuid_of, optional_uuids_of
from api.vocabulary import described
from domain.lifecycle import EmailStatus
from persistence.reading.scheduled_emails import EmailFilter, EmailOrder

described(
    EmailOrder,
    name="ScheduledEmailOrder",
    description="What a list of emails is ordered by.",
    values={
        EmailOrder.SEND_AT: "When they are planned to leave.",
        EmailOrder.SENT_AT: "When they were accepted; those that were not are left out.",
    },
)


@strawberry.input(description="Which emails; every condition that is given must hold.")
class ScheduledEmailFilter:
    status: list[EmailStatus] | None = strawberry.field(
        default=None, description="In one of these states; `[IN_DOUBT]` lists what to settle by hand."
    )
    is_unplaced: bool | None = strawberry.field(default=None, description="Without a slot, or with one.")
    mailbox_id: strawberry.ID | None = strawberry.field(default=None, description="From this mailbox.")
    sequence_id: strawberry.ID | None = strawberry.field(default=None, description="Of this sequence.")
    mailbox_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="From one of these mailboxes."
    )
    sequence_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of one of these sequences."
    )
    batch_id: strawberry.ID | None = strawberry.field(default=None, description="Of this batch.")
    enrollment_id: strawberry.ID | None = strawberry.field(default=None, description="Of this enrollment.")
    contact_id: strawberry.ID | None = strawberry.field(default=None, description="To this contact.")
    step_id: strawberry.ID | None = strawberry.field(default=None, description="For this step.")
    send_from: datetime | None = strawberry.field(default=None, description="Planned for then or later.")
    send_to: datetime | None = strawberry.field(default=None, description="Planned for before then.")
    sent_from: datetime | None = strawberry.field(default=None, description="Sent then or later.")
    sent_to: datetime | None = strawberry.field(default=None, description="Sent before then.")
    updated_since: datetime | None = strawberry.field(default=None, description="Changed then or later.")

    def parsed(self) -> EmailFilter:
        """The filter with its ids read."""
        return EmailFilter(
            statuses=self.status,
            is_unplaced=self.is_unplaced,
            mailbox_id=optional_uuid_of("Mailbox", self.mailbox_id),
            sequence_id=optional_uuid_of("Sequence", self.sequence_id),
            mailbox_ids=optional_uuids_of("Mailbox", self.mailbox_ids),
            sequence_ids=optional_uuids_of("Sequence", self.sequence_ids),
            batch_id=optional_uuid_of("Batch", self.batch_id),
            enrollment_id=optional_uuid_of("Enrollment", self.enrollment_id),
            contact_id=optional_uuid_of("Contact", self.contact_id),
            step_id=optional_uuid_of("Step", self.step_id),
            send_from=self.send_from,
            send_to=self.send_to,
            sent_from=self.sent_from,
            sent_to=self.sent_to,
            updated_since=self.updated_since,
        )


Filter = Annotated[
    ScheduledEmailFilter | None, strawberry.argument(description="Which ones; all by default.")
]
OrderBy = Annotated[EmailOrder, strawberry.argument(description="By which of their times.")]
