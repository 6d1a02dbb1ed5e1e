"""Mutations that put all sending on hold, and let it go on."""

import strawberry

from api.auditing import About
from api.context import Info
from api.inputs.rehearsals import Rehearsable
from api.mutations.answers import Input, Payload, RehearsedPayload, mutation
from api.mutations.change import changing
from api.types.recalculation import Recalculation
from api.types.workspace import Workspace
from domain.recalculations import RecalculationCause
from persistence.sending_pauses import pause_sending, resume_sending

THE_WORKSPACE = "The workspace as it is now; null if the mutation was not done."
THE_REASON = "Why, for those who read the audit log."


@strawberry.input(description="That everything is to be put on hold.")
class PauseSendingInput:
    reason: str | None = strawberry.field(default=None, description=THE_REASON)


@strawberry.input(description="That everything is to go on.")
class ResumeSendingInput(Rehearsable):
    reason: str | None = strawberry.field(default=None, description=THE_REASON)


@strawberry.type(description="The answer to `pauseSending`.")
class PauseSendingPayload(Payload):
    workspace: Workspace | None = strawberry.field(default=None, description=THE_WORKSPACE)


@strawberry.type(description="The answer to `resumeSending`.")
class ResumeSendingPayload(RehearsedPayload):
    workspace: Workspace | None = strawberry.field(default=None, description=THE_WORKSPACE)
    recalculation: Recalculation | None = strawberry.field(
        default=None, description="The replanning of what follows a wait that the time on hold lengthened."
    )


@strawberry.type
class PauseMutations:
    @mutation(
        "Send nothing more, from this moment on: whatever is not being handed over stays. So does the plan,"
        " and the time on hold does not count towards waits."
    )
    async def pause_sending(self, info: Info, asked: Input[PauseSendingInput]) -> PauseSendingPayload:
        async with changing(info, about=_all(info)) as change:
            await pause_sending(change.conn, change.workspace_id, now=change.now)
            return PauseSendingPayload(workspace=await change.workspace())

    @mutation(
        "Let everything go on. What became late gets a new time within its limits, so nothing leaves in a"
        " burst; sequences, mailboxes and enrollments that are on hold themselves stay so."
    )
    async def resume_sending(self, info: Info, asked: Input[ResumeSendingInput]) -> ResumeSendingPayload:
        async with changing(info, asked, about=_all(info)) as change:
            await resume_sending(change.conn, change.workspace_id, now=change.now)
            return ResumeSendingPayload(
                workspace=await change.workspace(),
                recalculation=await change.recalculate(RecalculationCause.SENDING_RESUMED),
                preview=change.preview,
            )


def _all(info: Info) -> About:
    return About("Workspace", info.context.workspace_id)
