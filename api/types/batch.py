"""Batches: one email to many contacts, once."""

from datetime import datetime

import strawberry

from api.context import Info
from api.fields import resolves
from api.forecasting import outlook
from api.ids import global_id
from api.inputs.forecast import ForecastInput
from api.types.forecast import Forecast
from api.types.nested_lists import Emails, lists_emails
from api.types.node import Node, present
from api.types.sequence import Deadline, EmailCount, ReplyRate, Sequence
from domain.lifecycle import EmailStatus, SequenceStatus
from persistence.tables import scheduled_emails


@strawberry.type(description="One email to many contacts, once, at a pace of its own.")
class Batch(Node):
    status: SequenceStatus = strawberry.field(
        description="Whether it sends, which is the state of its sequence; completed with its last email."
    )
    count: int = strawberry.field(description="How many contacts were scheduled.")
    starts_at: datetime = strawberry.field(description="Before then nothing leaves.")
    delay_between_emails_s: strawberry.Private[int | None]
    hourly_limit: int | None = strawberry.field(
        description="Most emails in an hour; null if it was given none."
    )
    completed_at: datetime | None = strawberry.field(description="When its last email was settled.")
    created_at: datetime = strawberry.field(description="When it was scheduled.")
    updated_at: datetime = strawberry.field(description="When its state last changed.")
    scheduled_emails: Emails = lists_emails(
        "All its emails: planned, sent, and whatever else became of them.", of=scheduled_emails.c.sequence_id
    )

    @resolves("Least number of seconds between two of its emails; null if it was given none.")
    def delay_between_emails(self) -> int | None:
        return self.delay_between_emails_s

    @resolves(
        "The sequence of one step that it is: with its id a batch is put on hold, resumed and archived."
    )
    async def sequence(self, info: Info) -> Sequence:
        return Sequence.of(present(await info.context.loaders.sequences.load(self.uuid)))

    @resolves("How many of its emails were accepted by a mailbox's server.")
    async def sent(self, info: Info) -> int:
        return (await self._amounts(info)).get(EmailStatus.SENT, 0)

    @resolves("Its scheduled emails by state; every state is listed. None is, until they are placed.")
    async def emails(self, info: Info) -> list[EmailCount]:
        found = await self._amounts(info)
        return [EmailCount(status=status, count=found.get(status, 0)) for status in EmailStatus]

    @resolves("What becomes of it as it stands.")
    async def forecast(self, info: Info, deadline: Deadline = None, reply_rate: ReplyRate = None) -> Forecast:
        sequence_id = global_id("Sequence", self.uuid)
        asked = ForecastInput(sequence_id=sequence_id, deadline=deadline, reply_rate=reply_rate)
        return Forecast.of(await outlook(info.context, asked.read()))

    async def _amounts(self, info: Info) -> dict[str, int]:
        rows = await info.context.loaders.email_counts.load(self.uuid)
        return {row.status: row.amount for row in rows}
