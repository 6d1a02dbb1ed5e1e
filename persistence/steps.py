"""Steps: their order in a sequence, their waits, and the versions of their text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import SequenceId, StepId, WorkspaceId
from domain.waits import Wait
from persistence.ids import uuid7
from persistence.locks import lock_row
from persistence.refusals import Noun, UnknownObject
from persistence.sequences import lock_sequence
from persistence.stored_waits import stored_wait
from persistence.tables import step_versions, steps


@dataclass(frozen=True, slots=True)
class StepText:
    """What a step writes, as Liquid templates."""

    subject: str
    body_text: str
    body_html: str | None = None


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step without its place. *wait* is the time after the step before it."""

    text: StepText
    wait: Wait
    starts_thread: bool = False


async def append_steps(
    conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId, *, new_steps: Sequence[NewStep]
) -> list[StepId]:
    """Put *new_steps* behind the last step of a locked sequence, in order."""
    if not new_steps:
        return []
    last = await count_steps(conn, workspace_id, sequence_id)
    return await _insert(conn, workspace_id, sequence_id, new_steps=new_steps, first_position=last + 1)


async def insert_step(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    new_step: NewStep,
    position: int,
) -> StepId:
    """Put *new_step* at *position* of a locked sequence; the steps from there on make room."""
    await _shift(conn, workspace_id, sequence_id, by=1, where=steps.c.position >= position)
    (step_id,) = await _insert(conn, workspace_id, sequence_id, new_steps=[new_step], first_position=position)
    return step_id


async def _insert(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    new_steps: Sequence[NewStep],
    first_position: int,
) -> list[StepId]:
    ids = [StepId(uuid7()) for _ in new_steps]
    await conn.execute(
        insert(steps),
        [
            {
                "id": step_id,
                "workspace_id": workspace_id,
                "sequence_id": sequence_id,
                "position": position,
                **stored_wait(step.wait),
                "starts_thread": step.starts_thread,
            }
            for position, (step_id, step) in enumerate(zip(ids, new_steps, strict=True), first_position)
        ],
    )
    await conn.execute(
        insert(step_versions),
        [
            _version(workspace_id, step_id, version=1, text=step.text)
            for step_id, step in zip(ids, new_steps, strict=True)
        ],
    )
    return ids


def _version(
    workspace_id: WorkspaceId, step_id: StepId, *, version: int, text: StepText
) -> dict[str, object]:
    return {
        "workspace_id": workspace_id,
        "step_id": step_id,
        "version": version,
        "subject": text.subject,
        "body_text": text.body_text,
        "body_html": text.body_html,
    }


async def count_steps(conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId) -> int:
    """How many live steps the sequence has, which is the position of the last one."""
    counted = await conn.scalar(
        select(func.count()).where(
            steps.c.workspace_id == workspace_id,
            steps.c.sequence_id == sequence_id,
            steps.c.removed_at.is_(None),
        )
    )
    return counted or 0


# Any: a row has the columns of its table.
async def lock_step(
    conn: AsyncConnection, workspace_id: WorkspaceId, step_id: StepId, *, expected_version: int | None = None
) -> Row[Any]:
    """
    Lock a live step and, before it, its sequence, which serialises changes of the order.

    Raises:
        UnknownObject, StaleObject: As for every lock; a removed step is unknown.
        NotInStatus: The sequence is archived.
    """
    sequence_id = await conn.scalar(
        select(steps.c.sequence_id).where(steps.c.workspace_id == workspace_id, steps.c.id == step_id)
    )
    if sequence_id is None:
        raise UnknownObject(Noun.STEP, [step_id])
    await lock_sequence(conn, workspace_id, SequenceId(sequence_id))
    step = await lock_row(
        conn,
        steps,
        Noun.STEP,
        workspace_id=workspace_id,
        row_id=step_id,
        expected_version=expected_version,
    )
    if step.removed_at is not None:
        raise UnknownObject(Noun.STEP, [step_id])
    return step


async def text_of(conn: AsyncConnection, workspace_id: WorkspaceId, step_id: StepId) -> StepText:
    """The text in force."""
    in_force = await conn.execute(
        select(step_versions.c.subject, step_versions.c.body_text, step_versions.c.body_html)
        .join_from(step_versions, steps, steps.c.id == step_versions.c.step_id)
        .where(
            steps.c.workspace_id == workspace_id,
            steps.c.id == step_id,
            step_versions.c.version == steps.c.text_version,
        )
    )
    return StepText(*in_force.one())


async def rewrite_step(
    conn: AsyncConnection, workspace_id: WorkspaceId, step: Row[Any], *, text: StepText
) -> None:
    """Put *text* in force from the next claim on, as a new version; what was sent keeps its own."""
    version = step.text_version + 1
    await conn.execute(
        insert(step_versions).values(_version(workspace_id, step.id, version=version, text=text))
    )
    await change_step(conn, workspace_id, step.id, changes={"text_version": version})


async def change_step(
    conn: AsyncConnection, workspace_id: WorkspaceId, step_id: StepId, *, changes: Mapping[str, object]
) -> None:
    """Write *changes* by column to a locked step."""
    await conn.execute(
        update(steps)
        .where(steps.c.workspace_id == workspace_id, steps.c.id == step_id)
        .values({**changes, "version": steps.c.version + 1})
    )


async def move_step(
    conn: AsyncConnection, workspace_id: WorkspaceId, step: Row[Any], *, position: int
) -> None:
    """Give a locked step another place; the steps between its old and its new one move up or down."""
    earlier = position < step.position
    between = (
        steps.c.position.between(position, step.position - 1)
        if earlier
        else steps.c.position.between(step.position + 1, position)
    )
    await _shift(conn, workspace_id, step.sequence_id, by=1 if earlier else -1, where=between)
    await change_step(conn, workspace_id, step.id, changes={"position": position})


async def remove_step(
    conn: AsyncConnection, workspace_id: WorkspaceId, step: Row[Any], *, now: datetime
) -> None:
    """Take a locked step out of its sequence; the row stays for the emails that it sent."""
    await change_step(conn, workspace_id, step.id, changes={"position": None, "removed_at": now})
    await _shift(conn, workspace_id, step.sequence_id, by=-1, where=steps.c.position > step.position)


async def _shift(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    by: int,
    where: ColumnElement[bool],
) -> None:
    await conn.execute(
        update(steps)
        .where(steps.c.workspace_id == workspace_id, steps.c.sequence_id == sequence_id, where)
        .values(position=steps.c.position + by)
    )
