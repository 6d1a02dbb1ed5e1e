"""Mutations of steps. A change of their order or waits replans the sequence; a new text moves nothing."""

import strawberry

from api.context import Info
from api.errors import UserErrorCode
from api.inputs import values
from api.inputs.keys import sequence_key, step_key
from api.inputs.problems import Problems, refuse
from api.inputs.steps import (
    MOST_STEPS,
    AddStepInput,
    MoveStepInput,
    RemoveStepInput,
    UpdateStepInput,
    check_text,
)
from api.mutations.answers import Input, RehearsedPayload, mutation
from api.mutations.change import Change, changing
from api.types.recalculation import Recalculation
from api.types.sequence import Sequence
from api.types.step import Step
from domain.ids import SequenceId
from domain.lifecycle import SequenceStatus
from domain.recalculations import RecalculationCause
from persistence.next_positions import complete_finished, refresh_next_positions
from persistence.refusals import IsBatch
from persistence.sequences import has_open_enrollments, lock_sequence, note_change
from persistence.steps import (
    change_step,
    count_steps,
    insert_step,
    lock_step,
    move_step,
    remove_step,
    rewrite_step,
    text_of,
)
from persistence.stored_waits import read_wait

THE_STEP = "The step as it is now; null if the mutation was not done."
THE_SEQUENCE = "Its sequence, with its steps in their order."
THE_RECALCULATION = "The replanning that the change makes necessary; null if nothing is planned yet."


@strawberry.type
class StepPayload(RehearsedPayload):
    step: Step | None = strawberry.field(default=None, description=THE_STEP)
    sequence: Sequence | None = strawberry.field(default=None, description=THE_SEQUENCE)
    recalculation: Recalculation | None = strawberry.field(default=None, description=THE_RECALCULATION)


@strawberry.type(description="The answer to `addStep`.")
class AddStepPayload(StepPayload):
    pass


@strawberry.type(description="The answer to `updateStep`.")
class UpdateStepPayload(StepPayload):
    pass


@strawberry.type(description="The answer to `moveStep`.")
class MoveStepPayload(StepPayload):
    pass


@strawberry.type(description="The answer to `removeStep`.")
class RemoveStepPayload(StepPayload):
    pass


@strawberry.type
class StepMutations:
    @mutation("Add a step. Contacts that have not passed its place get it.")
    async def add_step(self, info: Info, asked: Input[AddStepInput]) -> AddStepPayload:
        with Problems() as problems:
            sequence_id = sequence_key(asked.sequence_id, problems)
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            sequence = await lock_sequence(
                conn, workspace_id, sequence_id, expected_version=asked.expected_version
            )
            if sequence.kind == "ONE_OFF":
                raise IsBatch
            there = await count_steps(conn, workspace_id, sequence_id)
            position = asked.step.position if asked.step.position is not None else there + 1
            with Problems() as problems:
                if there >= MOST_STEPS:
                    problems.add(UserErrorCode.TOO_MANY, f"There are {MOST_STEPS} already.", "step")
                with problems.at("step", "position"):
                    values.number(position, least=1, most=there + 1)
                new_step = asked.step.read(problems, "step", position=position)
            step_id = await insert_step(conn, workspace_id, sequence_id, new_step=new_step, position=position)
            await note_change(conn, workspace_id, sequence_id)
            return AddStepPayload(
                step=await change.step(step_id),
                recalculation=await _reorder(change, sequence_id),
                sequence=await change.sequence(sequence_id),
                preview=change.preview,
            )

    @mutation("Change a step. A new text holds from the next claim on and moves nothing; a new wait replans.")
    async def update_step(self, info: Info, asked: Input[UpdateStepInput]) -> UpdateStepPayload:
        with Problems() as problems:
            step_id = step_key(asked.step_id, problems)
            changes = asked.settings(problems)
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            step = await lock_step(conn, workspace_id, step_id, expected_version=asked.expected_version)
            current = await text_of(conn, workspace_id, step_id)
            text = asked.text(current)
            with Problems() as problems:
                check_text(text, problems)
            if text != current:
                await rewrite_step(conn, workspace_id, step, text=text)
            if changes:
                await change_step(conn, workspace_id, step_id, changes=changes)
            if changes or text != current:
                await note_change(conn, workspace_id, step.sequence_id)
            before, after = (read_wait(each) for each in (step._mapping, {**step._mapping, **changes}))
            return UpdateStepPayload(
                step=await change.step(step_id),
                recalculation=await _reorder(change, step.sequence_id) if before != after else None,
                sequence=await change.sequence(step.sequence_id),
                preview=change.preview,
            )

    @mutation("Give a step another place. No contact is sent a step twice.")
    async def move_step(self, info: Info, asked: Input[MoveStepInput]) -> MoveStepPayload:
        with Problems() as problems:
            step_id = step_key(asked.step_id, problems)
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            step = await lock_step(conn, workspace_id, step_id, expected_version=asked.expected_version)
            last = await count_steps(conn, workspace_id, step.sequence_id)
            with Problems() as problems, problems.at("position"):
                values.number(asked.position, least=1, most=last)
            recalculation = None
            if asked.position != step.position:
                await move_step(conn, workspace_id, step, position=asked.position)
                await note_change(conn, workspace_id, step.sequence_id)
                recalculation = await _reorder(change, step.sequence_id)
            return MoveStepPayload(
                step=await change.step(step_id),
                recalculation=recalculation,
                sequence=await change.sequence(step.sequence_id),
                preview=change.preview,
            )

    @mutation("Remove a step: it is not sent any more, and the steps behind it move up.")
    async def remove_step(self, info: Info, asked: Input[RemoveStepInput]) -> RemoveStepPayload:
        with Problems() as problems:
            step_id = step_key(asked.step_id, problems)
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            step = await lock_step(conn, workspace_id, step_id, expected_version=asked.expected_version)
            await _keep_a_step(change, step.sequence_id)
            await remove_step(conn, workspace_id, step, now=change.now)
            await note_change(conn, workspace_id, step.sequence_id)
            recalculation = await _reorder(change, step.sequence_id)
            return RemoveStepPayload(
                step=await change.step(step_id),
                recalculation=recalculation,
                sequence=await change.sequence(step.sequence_id),
                preview=change.preview,
            )


async def _keep_a_step(change: Change, sequence_id: SequenceId) -> None:
    """Refuse to take the last step from a sequence that may send."""
    sequence = await change.sequence(sequence_id)
    steps = await count_steps(change.conn, change.workspace_id, sequence_id)
    if steps == 1 and sequence.status != SequenceStatus.DRAFT:
        raise refuse(UserErrorCode.NO_STEPS, "It is the only step; archive the sequence instead.", "stepId")


async def _reorder(change: Change, sequence_id: SequenceId) -> Recalculation | None:
    """Bring everyone to their next step; who has none left, in this order, is complete."""
    await refresh_next_positions(change.conn, change.workspace_id, sequence_id)
    recalculation = await _replan(change, sequence_id)
    await complete_finished(change.conn, change.workspace_id, sequence_id, now=change.now)
    return recalculation


async def _replan(change: Change, sequence_id: SequenceId) -> Recalculation | None:
    if not await has_open_enrollments(change.conn, change.workspace_id, sequence_id):
        return None
    return await change.recalculate(RecalculationCause.STEPS_CHANGED, sequence_id=sequence_id)
