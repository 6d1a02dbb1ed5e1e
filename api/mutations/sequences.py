"""Mutations of sequences."""

from collections.abc import Mapping
from typing import Any

import strawberry

from api.context import Info
from api.inputs import values
from api.inputs.keys import mailbox_keys, sequence_key
from api.inputs.problems import Problems
from api.inputs.sequence_choices import (
    ActivateSequenceInput,
    ArchiveSequenceInput,
    PauseSequenceInput,
    ResumeSequenceInput,
    SequenceChoice,
)
from api.inputs.sequences import (
    CALENDAR_COLUMNS,
    CreateSequenceInput,
    UpdateSequenceInput,
    check_holidays,
)
from api.inputs.steps import read_steps
from api.mutations.answers import Input, Payload, RehearsedPayload, mutation
from api.mutations.change import Change, changing
from api.types.recalculation import Recalculation
from api.types.sequence import Sequence
from domain.ids import SequenceId
from domain.lifecycle import SequenceEvent
from domain.recalculations import RecalculationCause
from persistence.sequence_mailboxes import link_mailboxes
from persistence.sequences import (
    add_sequence,
    change_sequence,
    has_open_enrollments,
    lock_sequence,
    move_sequence,
)
from persistence.steps import append_steps
from persistence.tables import enrollments

THE_SEQUENCE = "The sequence as it is now; null if the mutation was not done."
THE_RECALCULATION = "The replanning that the change makes necessary; null if nothing is planned yet."


@strawberry.type(description="The answer to `createSequence`.")
class CreateSequencePayload(Payload):
    sequence: Sequence | None = strawberry.field(default=None, description=THE_SEQUENCE)


@strawberry.type(description="The answer to `updateSequence`.")
class UpdateSequencePayload(RehearsedPayload):
    sequence: Sequence | None = strawberry.field(default=None, description=THE_SEQUENCE)
    recalculation: Recalculation | None = strawberry.field(default=None, description=THE_RECALCULATION)


@strawberry.type(description="The answer to `activateSequence`.")
class ActivateSequencePayload(RehearsedPayload):
    sequence: Sequence | None = strawberry.field(default=None, description=THE_SEQUENCE)


@strawberry.type(description="The answer to `pauseSequence`.")
class PauseSequencePayload(Payload):
    sequence: Sequence | None = strawberry.field(default=None, description=THE_SEQUENCE)


@strawberry.type(description="The answer to `resumeSequence`.")
class ResumeSequencePayload(RehearsedPayload):
    sequence: Sequence | None = strawberry.field(default=None, description=THE_SEQUENCE)
    recalculation: Recalculation | None = strawberry.field(default=None, description=THE_RECALCULATION)


@strawberry.type(description="The answer to `archiveSequence`.")
class ArchiveSequencePayload(RehearsedPayload):
    sequence: Sequence | None = strawberry.field(default=None, description=THE_SEQUENCE)


@strawberry.type
class SequenceMutations:
    @mutation("Make a sequence, with its steps and mailboxes; a draft until it is activated.")
    async def create_sequence(self, info: Info, asked: Input[CreateSequenceInput]) -> CreateSequencePayload:
        with Problems() as problems:
            settings = asked.settings(problems)
            steps = read_steps(asked.steps, problems, "steps")
            mailbox_ids = mailbox_keys(asked.mailbox_ids, problems)
        async with changing(info) as change:
            sequence_id = await add_sequence(change.conn, change.workspace_id, settings=settings)
            await append_steps(change.conn, change.workspace_id, sequence_id, new_steps=steps)
            await link_mailboxes(change.conn, change.workspace_id, sequence_id, mailbox_ids=mailbox_ids)
            return CreateSequencePayload(sequence=await change.sequence(sequence_id))

    @mutation(
        "Change a sequence. Planned emails that its new window or limit has no place for move, others stay."
    )
    async def update_sequence(self, info: Info, asked: Input[UpdateSequenceInput]) -> UpdateSequencePayload:
        with Problems() as problems:
            changes = asked.changes(problems)
            sequence_id = sequence_key(asked.sequence_id, problems)
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            before = await lock_sequence(
                conn, workspace_id, sequence_id, expected_version=asked.expected_version
            )
            after = {**before._mapping, **changes}
            with Problems() as problems:
                check_holidays(after, problems)
                with problems.at("lastDate"):
                    values.dates_in_order(after["first_date"], after["last_date"])
            if changes:
                await change_sequence(conn, workspace_id, sequence_id, changes=changes)
            recalculation = None
            cause = _cause_of(before._mapping, after, (await change.workspace()).contact_min_gap_days)
            if cause is not None and await has_open_enrollments(conn, workspace_id, sequence_id):
                recalculation = await change.recalculate(cause, sequence_id=sequence_id)
            return UpdateSequencePayload(
                sequence=await change.sequence(sequence_id),
                recalculation=recalculation,
                preview=change.preview,
            )

    @mutation("Let a draft send: its contacts are planned from now on.")
    async def activate_sequence(
        self, info: Info, asked: Input[ActivateSequenceInput]
    ) -> ActivateSequencePayload:
        async with changing(info, asked) as change:
            sequence = await _move(change, asked, SequenceEvent.ACTIVATE)
            await change.place()
            return ActivateSequencePayload(sequence=sequence, preview=change.preview)

    @mutation("Put a sequence on hold; its plan stays.")
    async def pause_sequence(self, info: Info, asked: Input[PauseSequenceInput]) -> PauseSequencePayload:
        async with changing(info) as change:
            return PauseSequencePayload(sequence=await _move(change, asked, SequenceEvent.PAUSE))

    @mutation("Let a sequence that is on hold send again.")
    async def resume_sequence(self, info: Info, asked: Input[ResumeSequenceInput]) -> ResumeSequencePayload:
        async with changing(info, asked) as change:
            sequence = await _move(change, asked, SequenceEvent.RESUME)
            sequence_id = SequenceId(sequence.uuid)
            recalculation = None
            if await has_open_enrollments(change.conn, change.workspace_id, sequence_id):
                recalculation = await change.recalculate(
                    RecalculationCause.SEQUENCE_RESUMED, sequence_id=sequence_id
                )
            return ResumeSequencePayload(
                sequence=sequence, recalculation=recalculation, preview=change.preview
            )

    @mutation("Put a sequence away for good: its enrollments end, and what they have not sent is cancelled.")
    async def archive_sequence(
        self, info: Info, asked: Input[ArchiveSequenceInput]
    ) -> ArchiveSequencePayload:
        async with changing(info, asked) as change:
            sequence = await _move(change, asked, SequenceEvent.ARCHIVE)
            return ArchiveSequencePayload(sequence=sequence, preview=change.preview)


# Any: by column.
def _cause_of(
    before: Mapping[Any, Any], after: Mapping[str, Any], contact_gap: int | None
) -> RecalculationCause | None:
    """Why a change of a sequence makes a replan necessary, if it does."""
    if any(before[column] != after[column] for column in CALENDAR_COLUMNS):
        return RecalculationCause.WINDOW_CHANGED
    if before["max_new_contacts_per_day"] != after["max_new_contacts_per_day"]:
        return RecalculationCause.CAPACITY_CHANGED
    # From now on its emails keep the gap too.
    if contact_gap is not None and before["priority"] > 0 >= after["priority"]:
        return RecalculationCause.CONTACT_GAP_RAISED
    return None


async def _move(change: Change, asked: SequenceChoice, event: SequenceEvent) -> Sequence:
    with Problems() as problems:
        sequence_id = sequence_key(asked.sequence_id, problems)
    if event is SequenceEvent.ARCHIVE:
        await change.end(enrollments.c.sequence_id == sequence_id)
    await move_sequence(
        change.conn,
        change.workspace_id,
        sequence_id,
        event=event,
        now=change.now,
        expected_version=asked.expected_version,
    )
    return await change.sequence(sequence_id)
