"""Scheduled emails: planned, under way, sent or given up."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry
from typing_extensions import override

from api.context import Info
from api.fields import resolves
from api.scalars import EmailAddress
from api.types.batch import Batch
from api.types.contact import Contact
from api.types.email_attempt import EmailAttempt, attempts_of
from api.types.email_event import EmailEvent, EmailMove
from api.types.email_hold import held_by, what_helps_held
from api.types.enrollment import Enrollment
from api.types.explanation import Explanation
from api.types.mailbox import Mailbox
from api.types.node import Node, present
from api.types.related import related
from api.types.sequence import Sequence
from api.types.step import Step
from domain.email_holds import EmailHold
from domain.itineraries import UnplacedReason
from domain.lifecycle import EmailStatus
from persistence.reading.pages import AnyRow


@strawberry.type(description="One email to one contact, from the plan to its end.")
class ScheduledEmail(Node):
    status: EmailStatus = strawberry.field(description="Where it is on its way.")
    send_at: datetime | None = strawberry.field(
        description="When it is planned to leave, unless something holds it; null while it has no slot."
    )
    unplaced_reason: UnplacedReason | None = strawberry.field(
        description="Why it has no slot, if it has none."
    )
    sent_at: datetime | None = strawberry.field(description="When the mailbox's server accepted it.")
    retry_count: int = strawberry.field(
        description="How many of its 3 retries were spent by refusals. It stays as it is while the server "
        "cannot be reached, which spends none."
    )
    retry_at: datetime | None = strawberry.field(
        description="When it is tried again: a retry, or one in doubt whose mailbox sends it once more."
    )
    last_attempt_at: datetime | None = strawberry.field(description="When it was last tried.")
    last_error: str | None = strawberry.field(description="What the last attempt that failed ended with.")
    failure_reason: str | None = strawberry.field(description="Why it was given up, in one word.")
    message_id: str | None = strawberry.field(description="Its Message-ID header, once it was first tried.")
    created_at: datetime = strawberry.field(description="When it was planned first.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    written_subject: strawberry.Private[str | None]
    sequence_id: strawberry.Private[UUID]
    enrollment_id: strawberry.Private[UUID]
    contact_id: strawberry.Private[UUID]
    step_id: strawberry.Private[UUID]
    mailbox_id: strawberry.Private[UUID | None]

    @override
    @classmethod
    def of(cls, row: AnyRow, **derived: object) -> Self:
        return super().of(row, written_subject=row.subject, **derived)

    @resolves("The subject as it was written; before the first attempt, the template of its step.")
    def subject(self, info: Info) -> str:
        if self.written_subject is not None:
            return self.written_subject
        return related(info, "steps", self.step_id, lambda step: str(step.subject))

    @resolves("The plain text as it was written, once it was first tried.")
    async def body_text(self, info: Info) -> str | None:
        letter = await info.context.loaders.letters.load(self.uuid)
        return None if letter is None else str(letter.body_text)

    @resolves("The HTML as it was written, once it was first tried.")
    async def body_html(self, info: Info) -> str | None:
        letter = await info.context.loaders.letters.load(self.uuid)
        return None if letter is None or letter.body_html is None else str(letter.body_html)

    @resolves("The address that it goes to.")
    def recipient_email(self, info: Info) -> EmailAddress:
        return related(info, "contacts", self.contact_id, lambda contact: EmailAddress(contact.email))

    @resolves("The contact that it goes to.")
    def contact(self, info: Info) -> Contact:
        return related(info, "contacts", self.contact_id, Contact.of)

    @resolves("The step that it is sent for.")
    def step(self, info: Info) -> Step:
        return related(info, "steps", self.step_id, Step.of)

    @resolves("The mailbox that it leaves from; null until it is placed.")
    def mailbox(self, info: Info) -> Mailbox | None:
        if self.mailbox_id is None:
            return None
        return related(info, "mailboxes", self.mailbox_id, Mailbox.of)

    @resolves("The enrollment that it belongs to.")
    async def enrollment(self, info: Info) -> Enrollment:
        return Enrollment.of(present(await info.context.loaders.enrollments.load(self.enrollment_id)))

    @resolves("The sequence that it belongs to.")
    async def sequence(self, info: Info) -> Sequence:
        return await self._sequence(info)

    @resolves("That of its sequence: higher goes first where several emails want one slot.")
    async def priority(self, info: Info) -> int:
        return (await self._sequence(info)).priority

    @resolves("The batch that it belongs to; null if it is one of a sequence's emails.")
    async def batch(self, info: Info) -> Batch | None:
        row = await info.context.loaders.batches.load(self.sequence_id)
        return None if row is None else Batch.of(row)

    @resolves("What happened to it, oldest first.")
    async def events(self, info: Info) -> list[EmailEvent]:
        return [EmailEvent.of(row) for row in await info.context.loaders.events_of_email.load(self.uuid)]

    @resolves("Every try to hand it over, first one first; one that is under way has no outcome yet.")
    async def attempts(self, info: Info) -> list[EmailAttempt]:
        return attempts_of(
            await info.context.loaders.events_of_email.load(self.uuid),
            latest=self.attempt,
            latest_at=self.last_attempt_at,
            mailbox_id=self.mailbox_id,
        )

    @resolves("How its time was moved, first move first.")
    async def moves(self, info: Info) -> list[EmailMove]:
        return [EmailMove.of(row) for row in await info.context.loaders.moves_of_email.load(self.uuid)]

    @resolves("The time that it was promised at first; null while it never had one.")
    async def first_send_at(self, info: Info) -> datetime | None:
        moves = await info.context.loaders.moves_of_email.load(self.uuid)
        promised = (row.from_send_at for row in moves if row.from_send_at is not None)
        return next(promised, self.send_at)

    @resolves("What has to go on before it can leave; empty if nothing holds it, or it is under way or done.")
    def held_by(self, info: Info) -> list[EmailHold]:
        return related(info, "holding", self.uuid, lambda row: held_by(self.status, row))

    @resolves(
        "Why it has its time, or none: worked out when asked, from the plan as it is. Null once it was taken "
        "up for sending. Meant for a page of emails: each takes a look at its mailbox's days up to its time."
    )
    async def explanation(self, info: Info) -> Explanation | None:
        found = await info.context.loaders.explanations.load(self.uuid)
        if found is None:
            return None
        holding = present(await info.context.loaders.holding.load(self.uuid))
        return Explanation.of(found, held=what_helps_held(self.status, holding))

    async def _sequence(self, info: Info) -> Sequence:
        return Sequence.of(present(await info.context.loaders.sequences.load(self.sequence_id)))
