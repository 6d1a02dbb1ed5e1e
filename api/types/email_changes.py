"""What happened to emails, as it is told to those who watch."""

from typing import Self

import strawberry

from api.types.email_event import EmailEvent
from api.types.scheduled_email import ScheduledEmail
from domain.lifecycle import EmailStatus
from persistence.reading.pages import AnyRow


@strawberry.type(description="Something that happened to an email, and what became of it.")
class EmailStatusChange:
    event: EmailEvent = strawberry.field(description="What happened.")
    status: EmailStatus = strawberry.field(
        description="The email's state when this was told; more may have happened to it meanwhile."
    )
    email: ScheduledEmail = strawberry.field(description="The email, as it was when this was told.")

    @classmethod
    def of(cls, event: AnyRow, email: AnyRow) -> Self:
        told = ScheduledEmail.of(email)
        return cls(event=EmailEvent.of(event), status=told.status, email=told)


@strawberry.type(description="Changes that are told together.")
class EmailStatusChanges:
    number: str = strawberry.field(
        description="How far the changes are told; give it back as `after` to go on from here."
    )
    changes: list[EmailStatusChange] = strawberry.field(
        description="The changes, in the order in which they were written down. At first these are what was "
        "missed since `after`, or none."
    )
