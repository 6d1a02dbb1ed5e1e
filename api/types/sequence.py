"""Sequences, and how far their contacts are."""

from datetime import date, datetime
from typing import Annotated, Any, Self

import strawberry
from typing_extensions import override

from api.context import Info
from api.fields import resolves
from api.forecasting import outlook
from api.inputs.forecast import ForecastInput
from api.inputs.policies import MailboxPolicy, StepFailurePolicy
from api.scalars import TimeZone
from api.types.delivery_stats import DeliveryStats, span_of
from api.types.delivery_stats import From as StatsFrom
from api.types.delivery_stats import To as StatsTo
from api.types.forecast import Forecast
from api.types.mailbox import Mailbox
from api.types.nested_lists import Emails, Enrollments, lists_emails, lists_enrollments
from api.types.node import Node
from api.types.send_window import SendWindow, send_window
from api.types.sequence_stats import SequenceStats
from api.types.step import Step
from domain.lifecycle import UNDER_WAY, EmailStatus, EnrollmentStatus, SequenceStatus
from persistence.reading.pages import AnyRow
from persistence.tables import enrollments, scheduled_emails


@strawberry.type(description="How many enrollments of a sequence are in a state.")
class EnrollmentCount:
    status: EnrollmentStatus = strawberry.field(description="The state.")
    count: int = strawberry.field(description="How many enrollments are in it.")


@strawberry.type(description="How many emails of a sequence are in a state.")
class EmailCount:
    status: EmailStatus = strawberry.field(description="The state.")
    count: int = strawberry.field(description="How many emails are in it.")


@strawberry.type(description="How far the contacts and emails of a sequence are.")
class SequenceCounts:
    sequence: strawberry.Private["Sequence"]

    @resolves("Enrollments by state; every state is listed.")
    async def enrollments(self, info: Info) -> list[EnrollmentCount]:
        rows = await info.context.loaders.enrollment_counts.load(self.sequence.uuid)
        found = {row.status: row.amount for row in rows}
        return [EnrollmentCount(status=status, count=found.get(status, 0)) for status in EnrollmentStatus]

    @resolves("Scheduled emails by state; every state is listed.")
    async def emails(self, info: Info) -> list[EmailCount]:
        rows = await info.context.loaders.email_counts.load(self.sequence.uuid)
        found = {row.status: row.amount for row in rows}
        return [EmailCount(status=status, count=found.get(status, 0)) for status in EmailStatus]


Deadline = Annotated[
    date | None,
    strawberry.argument(description="The last day on which emails may leave, in the sequence's zone."),
]
ReplyRate = Annotated[
    float | None, strawberry.argument(description="Replies per email sent, from 0 to below 1.")
]


@strawberry.type(description="Emails that are sent to each enrolled contact, one after another.")
class Sequence(Node):
    name: str = strawberry.field(description="Its name, for people.")
    status: SequenceStatus = strawberry.field(description="Whether it sends.")
    zone: TimeZone = strawberry.field(description="The zone in which the send window is read.")
    uses_contact_zone: bool = strawberry.field(
        description="Whether the window is read in the contact's own zone where that is known."
    )
    stored_window: strawberry.Private[dict[str, Any] | None]
    first_date: date | None = strawberry.field(description="The first day on which it sends, in its zone.")
    last_date: date | None = strawberry.field(description="The last day on which it sends, in its zone.")
    holiday_country: str | None = strawberry.field(
        description="The country whose public holidays it keeps, by ISO 3166-1 alpha-2; null for none."
    )
    holiday_subdivision: str | None = strawberry.field(
        description="The part of that country whose holidays it keeps too; null for none."
    )
    closed_dates: list[date] = strawberry.field(
        description="Further dates on which the window does not open, in its zone; in order."
    )
    priority: int = strawberry.field(description="Higher goes first where several sequences want one slot.")
    weight: int = strawberry.field(
        description="Its share of each day's new starts on mailboxes that it shares with others."
    )
    max_new_contacts_per_day: int | None = strawberry.field(
        description="Most contacts who are sent their first email on one day of the send window, over all "
        "mailboxes; null is unlimited."
    )
    when_mailbox_paused: MailboxPolicy = strawberry.field(
        description="What becomes of the emails of a mailbox that is paused."
    )
    when_mailbox_removed: MailboxPolicy = strawberry.field(
        description="What becomes of the emails of a mailbox that is removed."
    )
    when_step_fails: StepFailurePolicy = strawberry.field(
        description="What becomes of an enrollment whose email failed for good."
    )
    open_tracking_enabled: bool = strawberry.field(description="Whether opening an email is noted.")
    click_tracking_enabled: bool = strawberry.field(description="Whether following a link is noted.")
    version: int = strawberry.field(description="Grows with every change; give it back as `expectedVersion`.")
    activated_at: datetime | None = strawberry.field(description="When it began to send.")
    completed_at: datetime | None = strawberry.field(description="When its last enrollment ended.")
    archived_at: datetime | None = strawberry.field(description="When it was put away.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    enrollments: Enrollments = lists_enrollments(
        "Its enrollments, in the order in which contacts were enrolled, the last one first by default.",
        of=enrollments.c.sequence_id,
    )
    scheduled_emails: Emails = lists_emails(
        "All its emails: planned, sent, and whatever else became of them.", of=scheduled_emails.c.sequence_id
    )

    @override
    @classmethod
    def of(cls, row: AnyRow, **derived: object) -> Self:
        return super().of(row, stored_window=row.send_window, **derived)

    @resolves("When emails may leave; null takes the workspace's window, or else every hour of every day.")
    def send_window(self) -> SendWindow | None:
        return send_window(self.stored_window)

    @resolves("Its steps, in the order in which they are sent.")
    async def steps(self, info: Info) -> list[Step]:
        return [Step.of(row) for row in await info.context.loaders.steps_of_sequence.load(self.uuid)]

    @resolves("How many steps it has.")
    async def step_count(self, info: Info) -> int:
        return len(await info.context.loaders.steps_of_sequence.load(self.uuid))

    @resolves("The mailboxes that may send it, oldest first.")
    async def mailboxes(self, info: Info) -> list[Mailbox]:
        return [Mailbox.of(row) for row in await info.context.loaders.mailboxes_of_sequence.load(self.uuid)]

    @resolves("How far its contacts and emails are.")
    def counts(self) -> SequenceCounts:
        return SequenceCounts(sequence=self)

    @resolves("How it goes, in figures.")
    async def stats(self, info: Info) -> SequenceStats:
        loaders = info.context.loaders
        enrollments = {row.status: row.amount for row in await loaders.enrollment_counts.load(self.uuid)}
        emails = {row.status: row for row in await loaders.email_counts.load(self.uuid)}

        def count(*statuses: EmailStatus) -> int:
            return sum(emails[each].amount for each in statuses if each in emails)

        planned, sent = emails.get(EmailStatus.PENDING), emails.get(EmailStatus.SENT)
        return SequenceStats(
            enrolled=sum(enrollments.values()),
            active=enrollments.get(EnrollmentStatus.ACTIVE, 0),
            paused=enrollments.get(EnrollmentStatus.PAUSED, 0),
            completed=enrollments.get(EnrollmentStatus.COMPLETED, 0),
            replied=enrollments.get(EnrollmentStatus.REPLIED, 0),
            bounced=enrollments.get(EnrollmentStatus.BOUNCED, 0),
            unsubscribed=enrollments.get(EnrollmentStatus.UNSUBSCRIBED, 0),
            planned_emails=count(EmailStatus.PENDING),
            emails_under_way=count(*UNDER_WAY, EmailStatus.RETRYING, EmailStatus.IN_DOUBT),
            sent_emails=count(EmailStatus.SENT),
            failed_emails=count(EmailStatus.FAILED),
            retried_emails=sum(row.retried for row in emails.values()),
            next_send_at=None if planned is None else planned.send_at,
            last_sent_at=None if sent is None else sent.sent_at,
        )

    @resolves("How its emails ended on some days; each email by the zone of its mailbox.")
    async def delivery_stats(self, info: Info, from_: StatsFrom = None, to: StatsTo = None) -> DeliveryStats:
        return await DeliveryStats.of_sequence(info.context.loaders, self.uuid, span_of(from_, to))

    @resolves("What becomes of it as it stands; `forecast` of the query asks for changes too.")
    async def forecast(self, info: Info, deadline: Deadline = None, reply_rate: ReplyRate = None) -> Forecast:
        asked = ForecastInput(sequence_id=self.id(), deadline=deadline, reply_rate=reply_rate)
        return Forecast.of(await outlook(info.context, asked.read()))
