"""Mutations of which mailboxes send a sequence."""

import strawberry

from api.context import Info
from api.inputs.keys import mailbox_keys, sequence_key
from api.inputs.problems import Problems
from api.inputs.sequence_mailboxes import LinkMailboxesInput, UnlinkMailboxesInput
from api.mutations.answers import Input, RehearsedPayload, mutation
from api.mutations.change import Change, changing
from api.types.recalculation import Recalculation
from api.types.sequence import Sequence
from domain.ids import SequenceId
from domain.recalculations import RecalculationCause
from persistence.sequence_mailboxes import link_mailboxes, unlink_mailboxes
from persistence.sequences import has_open_enrollments, lock_sequence, note_change

THE_SEQUENCE = "The sequence with its mailboxes; null if the mutation was not done."
THE_RECALCULATION = "The replanning that the change makes necessary; null if nothing is planned yet."


@strawberry.type(description="The answer to `linkMailboxes`.")
class LinkMailboxesPayload(RehearsedPayload):
    sequence: Sequence | None = strawberry.field(default=None, description=THE_SEQUENCE)
    recalculation: Recalculation | None = strawberry.field(default=None, description=THE_RECALCULATION)


@strawberry.type(description="The answer to `unlinkMailboxes`.")
class UnlinkMailboxesPayload(RehearsedPayload):
    sequence: Sequence | None = strawberry.field(default=None, description=THE_SEQUENCE)
    recalculation: Recalculation | None = strawberry.field(default=None, description=THE_RECALCULATION)


@strawberry.type
class SequenceMailboxMutations:
    @mutation("Let mailboxes send a sequence. Those that do already stay.")
    async def link_mailboxes(self, info: Info, asked: Input[LinkMailboxesInput]) -> LinkMailboxesPayload:
        with Problems() as problems:
            sequence_id = sequence_key(asked.sequence_id, problems)
            mailbox_ids = mailbox_keys(asked.mailbox_ids, problems)
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            await lock_sequence(conn, workspace_id, sequence_id, expected_version=asked.expected_version)
            linked = await link_mailboxes(conn, workspace_id, sequence_id, mailbox_ids=mailbox_ids)
            cause = RecalculationCause.MAILBOX_ADDED
            recalculation = await _recalculated(change, sequence_id, cause) if linked else None
            return LinkMailboxesPayload(
                sequence=await change.sequence(sequence_id),
                recalculation=recalculation,
                preview=change.preview,
            )

    @mutation("Let mailboxes send a sequence no longer. What they had planned for it is handed over.")
    async def unlink_mailboxes(
        self, info: Info, asked: Input[UnlinkMailboxesInput]
    ) -> UnlinkMailboxesPayload:
        with Problems() as problems:
            sequence_id = sequence_key(asked.sequence_id, problems)
            mailbox_ids = mailbox_keys(asked.mailbox_ids, problems)
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            await lock_sequence(conn, workspace_id, sequence_id, expected_version=asked.expected_version)
            unlinked = await unlink_mailboxes(conn, workspace_id, sequence_id, mailbox_ids=mailbox_ids)
            cause = RecalculationCause.MAILBOX_UNLINKED
            recalculation = await _recalculated(change, sequence_id, cause) if unlinked else None
            return UnlinkMailboxesPayload(
                sequence=await change.sequence(sequence_id),
                recalculation=recalculation,
                preview=change.preview,
            )


async def _recalculated(
    change: Change, sequence_id: SequenceId, cause: RecalculationCause
) -> Recalculation | None:
    """Note that the sequence changed, and plan it anew if anybody is on the way."""
    await note_change(change.conn, change.workspace_id, sequence_id)
    if not await has_open_enrollments(change.conn, change.workspace_id, sequence_id):
        return None
    return await change.recalculate(cause, sequence_id=sequence_id)
