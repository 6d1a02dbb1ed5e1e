"""Mutations that intervene in one email."""

import strawberry

from api.context import Info
from api.inputs.email_interventions import (
    CancelEmailInput,
    EmailChoice,
    RescheduleEmailInput,
    RetryEmailInput,
)
from api.inputs.keys import email_key
from api.inputs.problems import Problems
from api.mutations.answers import Input, Payload, mutation
from api.mutations.change import changing
from api.types.scheduled_email import ScheduledEmail
from domain.ids import EmailId
from persistence.email_interventions import cancel_email, retry_email
from persistence.rescheduling import reschedule_email

THE_EMAIL = "The email as it is now; null if the mutation was not done."


@strawberry.type(description="The answer to `retryEmail`.")
class RetryEmailPayload(Payload):
    email: ScheduledEmail | None = strawberry.field(default=None, description=THE_EMAIL)


@strawberry.type(description="The answer to `cancelEmail`.")
class CancelEmailPayload(Payload):
    email: ScheduledEmail | None = strawberry.field(default=None, description=THE_EMAIL)


@strawberry.type(description="The answer to `rescheduleEmail`.")
class RescheduleEmailPayload(Payload):
    email: ScheduledEmail | None = strawberry.field(default=None, description=THE_EMAIL)


@strawberry.type
class EmailInterventionMutations:
    @mutation(
        "Try an email again: one that waits for its retry at once, within its limits; one that was given up"
        " gets a new time in a moment, and its sequence goes on from there."
    )
    async def retry_email(self, info: Info, asked: Input[RetryEmailInput]) -> RetryEmailPayload:
        email_id = _chosen(asked)
        async with changing(info) as change:
            await retry_email(change.conn, change.workspace_id, email_id, now=change.now)
            return RetryEmailPayload(email=await change.email(email_id))

    @mutation(
        "Take an email out that is not being handed over yet: its contact is not sent its step, and goes on"
        " with the next one, whose time stays."
    )
    async def cancel_email(self, info: Info, asked: Input[CancelEmailInput]) -> CancelEmailPayload:
        email_id = _chosen(asked)
        async with changing(info) as change:
            await cancel_email(change.conn, change.workspace_id, email_id, now=change.now)
            return CancelEmailPayload(email=await change.email(email_id))

    @mutation(
        "Choose when a planned email leaves. The time is kept from then on unless a rule of the plan breaks;"
        " later emails of the same contact move as far as their waits demand."
    )
    async def reschedule_email(
        self, info: Info, asked: Input[RescheduleEmailInput]
    ) -> RescheduleEmailPayload:
        email_id = _chosen(asked)
        async with changing(info) as change:
            await reschedule_email(
                change.conn, change.workspace_id, email_id, send_at=asked.send_at, now=change.now
            )
            return RescheduleEmailPayload(email=await change.email(email_id))


def _chosen(asked: EmailChoice) -> EmailId:
    with Problems() as problems:
        return email_key(asked.email_id, problems)
