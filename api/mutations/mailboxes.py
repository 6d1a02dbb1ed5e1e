"""Mutations of mailboxes."""

from collections.abc import Mapping
from typing import Any

import strawberry

from api.context import Info
from api.inputs.credentials import check_credentials, secrets
from api.inputs.hosts import plain_for_loopback_only
from api.inputs.keys import mailbox_key
from api.inputs.mailbox_changes import CAPACITY_COLUMNS, UpdateMailboxInput
from api.inputs.mailboxes import (
    CreateMailboxInput,
    MailboxChoice,
    PauseMailboxInput,
    RemoveMailboxInput,
    RestoreMailboxInput,
    ResumeMailboxInput,
)
from api.inputs.problems import Problems
from api.mutations.answers import Input, Payload, RehearsedPayload, mutation
from api.mutations.change import Change, changing
from api.types.mailbox import Mailbox
from api.types.recalculation import Recalculation
from domain.ids import MailboxId
from domain.lifecycle import MailboxEvent, MailboxStatus
from domain.mailboxes import Security
from domain.recalculations import RecalculationCause
from persistence.ids import uuid7
from persistence.mailboxes import add_mailbox, change_mailbox, lock_mailbox, move_mailbox

THE_MAILBOX = "The mailbox as it is now; null if the mutation was not done."
THE_RECALCULATION = "The replanning that the change makes necessary."


@strawberry.type(description="The answer to `createMailbox`.")
class CreateMailboxPayload(Payload):
    mailbox: Mailbox | None = strawberry.field(default=None, description=THE_MAILBOX)


@strawberry.type
class MailboxPayload(RehearsedPayload):
    mailbox: Mailbox | None = strawberry.field(default=None, description=THE_MAILBOX)
    recalculation: Recalculation | None = strawberry.field(default=None, description=THE_RECALCULATION)


@strawberry.type(description="The answer to `updateMailbox`.")
class UpdateMailboxPayload(MailboxPayload):
    pass


@strawberry.type(description="The answer to `pauseMailbox`.")
class PauseMailboxPayload(MailboxPayload):
    pass


@strawberry.type(description="The answer to `resumeMailbox`.")
class ResumeMailboxPayload(MailboxPayload):
    pass


@strawberry.type(description="The answer to `removeMailbox`.")
class RemoveMailboxPayload(MailboxPayload):
    pass


@strawberry.type(description="The answer to `restoreMailbox`.")
class RestoreMailboxPayload(Payload):
    mailbox: Mailbox | None = strawberry.field(default=None, description=THE_MAILBOX)


@strawberry.type
class MailboxMutations:
    @mutation("Add a mailbox. It sends for the sequences that it is linked to.")
    async def create_mailbox(self, info: Info, asked: Input[CreateMailboxInput]) -> CreateMailboxPayload:
        with Problems() as problems:
            settings = asked.settings(problems)
            check_credentials(
                asked.password, asked.oauth, problems, providers=info.context.services.providers
            )
        mailbox_id = MailboxId(uuid7())
        settings |= secrets(asked.password, asked.oauth, vault=info.context.vault, row_id=mailbox_id)
        async with changing(info) as change:
            await add_mailbox(change.conn, change.workspace_id, mailbox_id, settings=settings)
            return CreateMailboxPayload(mailbox=await change.mailbox(mailbox_id))

    @mutation("Change a mailbox. Of what is planned, only what no longer fits its capacity or hours moves.")
    async def update_mailbox(self, info: Info, asked: Input[UpdateMailboxInput]) -> UpdateMailboxPayload:
        with Problems() as problems:
            mailbox_id = mailbox_key(asked.mailbox_id, problems)
            changes = asked.changes(problems)
            password = asked.password.value if asked.password else None
            oauth = asked.oauth.value if asked.oauth else None
            check_credentials(password, oauth, problems, providers=info.context.services.providers)
        if password or oauth:
            changes |= secrets(password, oauth, vault=info.context.vault, row_id=mailbox_id)
        else:
            changes |= asked.forgotten_secrets()
        async with changing(info, asked) as change:
            before = await lock_mailbox(
                change.conn, change.workspace_id, mailbox_id, expected_version=asked.expected_version
            )
            after: dict[str, Any] = {**before._mapping, **changes}  # Any: by column
            with Problems() as problems, problems.at("security"):
                plain_for_loopback_only(after["host"], Security(after["security"]))
            if oauth and after["username"] is None and not asked.username:
                changes["username"] = before.email
            if changes:
                await change_mailbox(change.conn, change.workspace_id, mailbox_id, changes=changes)
            recalculation = None
            if before.status == MailboxStatus.NEEDS_AUTH and (password or oauth):
                # What a mailbox that comes back sets off includes what its capacity or hours would.
                recalculation = await _move(
                    change, mailbox_id, MailboxEvent.RESUME, RecalculationCause.MAILBOX_RESUMED
                )
            elif (cause := _cause_of(before._mapping, after)) is not None:
                recalculation = await change.recalculate(cause, mailbox_id=mailbox_id)
            return UpdateMailboxPayload(
                mailbox=await change.mailbox(mailbox_id), recalculation=recalculation, preview=change.preview
            )

    @mutation("Put a mailbox on hold. What becomes of its planned emails, each sequence says.")
    async def pause_mailbox(self, info: Info, asked: Input[PauseMailboxInput]) -> PauseMailboxPayload:
        mailbox_id = _chosen(asked)
        async with changing(info, asked) as change:
            recalculation = await _move(
                change,
                mailbox_id,
                MailboxEvent.PAUSE,
                RecalculationCause.MAILBOX_PAUSED,
                expected_version=asked.expected_version,
            )
            return PauseMailboxPayload(
                mailbox=await change.mailbox(mailbox_id), recalculation=recalculation, preview=change.preview
            )

    @mutation(
        "Let a mailbox that is on hold, blocked, or was refused by its server send again. One that waits for"
        " a server in trouble tries it at once."
    )
    async def resume_mailbox(self, info: Info, asked: Input[ResumeMailboxInput]) -> ResumeMailboxPayload:
        mailbox_id = _chosen(asked)
        async with changing(info, asked) as change:
            recalculation = await _move(
                change,
                mailbox_id,
                MailboxEvent.RESUME,
                RecalculationCause.MAILBOX_RESUMED,
                expected_version=asked.expected_version,
            )
            return ResumeMailboxPayload(
                mailbox=await change.mailbox(mailbox_id), recalculation=recalculation, preview=change.preview
            )

    @mutation(
        "Take a removed mailbox back. It is on hold, as its password or OAuth grant was forgotten: give it"
        " one, and resume it; whoever was handed to another mailbox that has not written to them yet comes"
        " back then."
    )
    async def restore_mailbox(self, info: Info, asked: Input[RestoreMailboxInput]) -> RestoreMailboxPayload:
        mailbox_id = _chosen(asked)
        async with changing(info) as change:
            await move_mailbox(
                change.conn,
                change.workspace_id,
                mailbox_id,
                event=MailboxEvent.RESTORE,
                now=change.now,
                expected_version=asked.expected_version,
            )
            return RestoreMailboxPayload(mailbox=await change.mailbox(mailbox_id))

    @mutation("Take a mailbox out of use; it is kept for its history, its password or OAuth grant is not.")
    async def remove_mailbox(self, info: Info, asked: Input[RemoveMailboxInput]) -> RemoveMailboxPayload:
        mailbox_id = _chosen(asked)
        async with changing(info, asked) as change:
            recalculation = await _move(
                change,
                mailbox_id,
                MailboxEvent.REMOVE,
                RecalculationCause.MAILBOX_REMOVED,
                expected_version=asked.expected_version,
                details={"policy": str(asked.policy)} if asked.policy else {},
            )
            return RemoveMailboxPayload(
                mailbox=await change.mailbox(mailbox_id), recalculation=recalculation, preview=change.preview
            )


# Any: by column.
def _cause_of(before: Mapping[Any, Any], after: Mapping[str, Any]) -> RecalculationCause | None:
    """Why a change of a mailbox makes a replan necessary, if it does; more room is a cause for all of it."""
    if any(before[column] != after[column] for column in CAPACITY_COLUMNS):
        return RecalculationCause.CAPACITY_CHANGED
    if before["working_hours"] != after["working_hours"]:
        return RecalculationCause.WINDOW_CHANGED
    return None


def _chosen(asked: MailboxChoice) -> MailboxId:
    with Problems() as problems:
        return mailbox_key(asked.mailbox_id, problems)


async def _move(
    change: Change,
    mailbox_id: MailboxId,
    event: MailboxEvent,
    cause: RecalculationCause,
    *,
    expected_version: int | None = None,
    details: Mapping[str, str] | None = None,
) -> Recalculation | None:
    await move_mailbox(
        change.conn,
        change.workspace_id,
        mailbox_id,
        event=event,
        now=change.now,
        expected_version=expected_version,
    )
    return await change.recalculate(cause, mailbox_id=mailbox_id, details=details)
