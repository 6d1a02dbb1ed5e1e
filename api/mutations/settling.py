"""Mutations that say what became of emails."""

import strawberry

from api.context import Info
from api.inputs.keys import email_key
from api.inputs.problems import Problems
from api.inputs.settling import RecordInboundInput, ResolveInDoubtInput
from api.mutations.answers import Input, Payload, mutation
from api.mutations.change import changing
from api.types.scheduled_email import ScheduledEmail
from domain.inbound import InboundKind
from persistence.inbound import record_inbound
from persistence.settling import resolve_in_doubt


@strawberry.type(description="The answer to `resolveInDoubt`.")
class ResolveInDoubtPayload(Payload):
    email: ScheduledEmail | None = strawberry.field(
        default=None, description="The email as it is now; null if the mutation was not done."
    )


@strawberry.type(description="The answer to `recordInbound`.")
class RecordInboundPayload(Payload):
    kind: InboundKind | None = strawberry.field(
        default=None, description="What the message is; null if it could not be read."
    )
    email: ScheduledEmail | None = strawberry.field(
        default=None,
        description=(
            "The email that it is about, as it is now. Null if there is none, as when a report returns no"
            " Message-ID of ours, or if one of the workspace's own mailboxes sent the message: then nothing"
            " was done."
        ),
    )
    settled: bool = strawberry.field(
        default=False, description="Whether the email was in doubt, and no longer is."
    )


@strawberry.type
class SettlingMutations:
    @mutation("Say what became of an email in doubt; its sequence goes on, or ends, as if we had known.")
    async def resolve_in_doubt(self, info: Info, asked: Input[ResolveInDoubtInput]) -> ResolveInDoubtPayload:
        with Problems() as problems:
            email_id = email_key(asked.email_id, problems)
        async with changing(info) as change:
            await resolve_in_doubt(
                change.conn, change.workspace_id, email_id, asked.settlement, now=change.now
            )
            return ResolveInDoubtPayload(email=await change.email(email_id))

    @mutation(
        "Hand in a bounce, a reply or a complaint that a mailbox received. A reply in person ends the"
        " contact's way through the sequence; an address that does not exist, or a feedback report (RFC 5965)"
        " that an email was called spam, ends all of them and suppresses the address. Each settles a doubt."
    )
    async def record_inbound(self, info: Info, asked: Input[RecordInboundInput]) -> RecordInboundPayload:
        inbound = asked.read()
        async with changing(info) as change:
            recorded = await record_inbound(change.conn, change.workspace_id, inbound, now=change.now)
            if recorded is None:
                return RecordInboundPayload(kind=inbound.kind)
            return RecordInboundPayload(
                kind=inbound.kind,
                email=await change.email(recorded.email_id),
                settled=recorded.settled,
            )
