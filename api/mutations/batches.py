"""Scheduling batches."""

from dataclasses import replace
from typing import Self

import strawberry
from typing_extensions import override

from api.context import Info
from api.errors import UserErrorCode
from api.inputs.batches import ScheduleEmailsInput
from api.inputs.enrollments import read_contacts
from api.inputs.keys import mailbox_keys
from api.inputs.problems import InputRefused, Problems, refuse
from api.invalid_contacts import InvalidContact
from api.mutations.answers import Input, RehearsedPayload, mutation
from api.mutations.change import changing
from api.types.batch import Batch
from persistence.batches import add_batch_sequence, schedule_batch
from persistence.contacts import upsert_contacts
from persistence.refusals import NobodyToWriteTo


@strawberry.type(description="The answer to `scheduleEmails`.")
class ScheduleEmailsPayload(RehearsedPayload):
    batch: Batch | None = strawberry.field(
        default=None, description="The batch; null if the mutation was not done."
    )
    scheduled: int = strawberry.field(
        default=0, description="Contacts that are written to; their emails are placed in a moment."
    )
    duplicates: int = strawberry.field(
        default=0, description="How often someone was named again; each is written to once."
    )
    suppressed: int = strawberry.field(
        default=0, description="Contacts that are not written to: suppressed, bounced or unsubscribed."
    )
    invalid: list[InvalidContact] = strawberry.field(
        default_factory=list, description="Contacts of the list that could not be taken; the others were."
    )

    @override
    def rehearsed(self) -> Self:
        return replace(self, batch=None)


@strawberry.type
class BatchMutations:
    @mutation("Write one email to many contacts, in the order given, each of them once.")
    async def schedule_emails(self, info: Info, asked: Input[ScheduleEmailsInput]) -> ScheduleEmailsPayload:
        now = await info.context.now()
        with Problems() as problems:
            settings, step = asked.settings(problems), asked.step(problems)
            terms = asked.terms(problems, now=now)
            mailbox_ids = mailbox_keys(asked.mailbox_ids or [], problems)
            known, listed = read_contacts(asked.contact_ids, asked.contacts, problems)
            if not asked.contact_ids and not asked.contacts:
                problems.add(UserErrorCode.NO_RECIPIENTS, "Name at least one contact.", "contacts")
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            batch_id = await add_batch_sequence(
                conn, workspace_id, settings=settings, step=step, mailbox_ids=mailbox_ids, now=now
            )
            written = await upsert_contacts(
                conn, workspace_id, cards=list(listed.cards.values()), pseudonyms=info.context.pseudonyms
            )
            contact_ids = [*known, *(written[address].contact_id for address in listed.cards)]
            try:
                outcome = await schedule_batch(
                    conn, workspace_id, batch_id, terms=terms, contact_ids=contact_ids, now=now
                )
            except NobodyToWriteTo as nobody:
                raise _nobody(nobody.suppressed, len(listed.invalid)) from nobody
            await change.place()
            change.figures = {"scheduled": outcome.enrolled, "suppressed": outcome.suppressed}
            return ScheduleEmailsPayload(
                batch=await change.batch(batch_id),
                scheduled=outcome.enrolled,
                duplicates=outcome.already_enrolled + listed.duplicates,
                suppressed=outcome.suppressed,
                invalid=listed.invalid,
                preview=change.preview,
            )


def _nobody(suppressed: int, invalid: int) -> InputRefused:
    message = f"Nobody of them can be written to: {suppressed} suppressed, {invalid} invalid."
    return refuse(UserErrorCode.NO_RECIPIENTS, message, "contacts")
