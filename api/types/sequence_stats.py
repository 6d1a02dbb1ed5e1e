"""How it goes with a sequence, in figures."""

from datetime import datetime

import strawberry

from api.fields import resolves
from api.types.queue_stats import share


@strawberry.type(description="How it goes with a sequence: its contacts, its emails, and how they ended.")
class SequenceStats:
    enrolled: int = strawberry.field(description="Enrollments ever made.")
    active: int = strawberry.field(description="Enrollments on their way.")
    paused: int = strawberry.field(description="Enrollments on hold.")
    completed: int = strawberry.field(description="Enrollments that were sent every step.")
    replied: int = strawberry.field(description="Enrollments that ended by a reply.")
    bounced: int = strawberry.field(description="Enrollments that ended as the address does not exist.")
    unsubscribed: int = strawberry.field(description="Enrollments that ended as the contact wants no more.")
    planned_emails: int = strawberry.field(description="Emails planned that nobody has taken up.")
    emails_under_way: int = strawberry.field(description="Emails taken up, with a retry ahead, or in doubt.")
    sent_emails: int = strawberry.field(description="Emails accepted.")
    failed_emails: int = strawberry.field(description="Emails given up.")
    retried_emails: int = strawberry.field(description="Emails that needed a retry, whatever became of them.")
    next_send_at: datetime | None = strawberry.field(
        description="When the next planned email leaves; null when none has a time."
    )
    last_sent_at: datetime | None = strawberry.field(description="When the last one was accepted.")

    @resolves("Of the emails that ended, the share that was accepted, from 0 to 1; null of none.")
    def success_rate(self) -> float | None:
        return share(self.sent_emails, self.sent_emails + self.failed_emails)

    @resolves("Replies per enrollment, from 0 to 1; null of none.")
    def reply_rate(self) -> float | None:
        return share(self.replied, self.enrolled)

    @resolves("Bounces per enrollment, from 0 to 1; null of none.")
    def bounce_rate(self) -> float | None:
        return share(self.bounced, self.enrolled)
