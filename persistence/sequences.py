"""Sequences: made, changed, set going and brought to an end."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, insert, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import SequenceId, WorkspaceId
from domain.lifecycle import SEQUENCE, EnrollmentEvent, SequenceEvent, SequenceStatus
from persistence.arrays import among
from persistence.holds import lengthen_waits, paused_since
from persistence.ids import uuid7
from persistence.locks import lock_row
from persistence.refusals import NotInStatus, Noun, SequenceHasNoSteps
from persistence.stops import OPEN, end_enrollments
from persistence.tables import enrollments, sequences, steps, workspaces
from persistence.transitions import transition

_STAMPED_BY = {
    SequenceEvent.ACTIVATE: {"activated_at"},
    SequenceEvent.ARCHIVE: {"archived_at"},
    SequenceEvent.COMPLETE: {"completed_at"},
    SequenceEvent.PAUSE: {"paused_at"},
}


async def add_sequence(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, settings: Mapping[str, object]
) -> SequenceId:
    """Make a draft with *settings* by column; without a zone it has its workspace's."""
    sequence_id = SequenceId(uuid7())
    workspace_zone = select(workspaces.c.zone).where(workspaces.c.id == workspace_id).scalar_subquery()
    await conn.execute(
        insert(sequences).values(
            {"zone": workspace_zone, **settings, "id": sequence_id, "workspace_id": workspace_id}
        )
    )
    return sequence_id


# Any: a row has the columns of its table.
async def lock_sequence(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    expected_version: int | None = None,
) -> Row[Any]:
    """
    Lock a sequence that may still change, and answer it.

    Raises:
        UnknownObject, StaleObject: As for every lock.
        NotInStatus: It is archived.
    """
    sequence = await lock_row(
        conn,
        sequences,
        Noun.SEQUENCE,
        workspace_id=workspace_id,
        row_id=sequence_id,
        expected_version=expected_version,
    )
    if sequence.status == SequenceStatus.ARCHIVED:
        raise NotInStatus(Noun.SEQUENCE, sequence.status)
    return sequence


async def change_sequence(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    changes: Mapping[str, object],
) -> None:
    """Write *changes* by column to a locked sequence; no window is the workspace's."""
    window = {"send_window": null()} if changes.get("send_window", ...) is None else {}
    await conn.execute(
        update(sequences)
        .where(sequences.c.workspace_id == workspace_id, sequences.c.id == sequence_id)
        .values({**changes, **window, "version": sequences.c.version + 1})
    )


async def note_change(conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId) -> None:
    """Give a locked sequence its next version: its steps or mailboxes are part of what was shown of it."""
    await change_sequence(conn, workspace_id, sequence_id, changes={})


async def move_sequence(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    sequence_id: SequenceId,
    *,
    event: SequenceEvent,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """
    Lock a sequence and let *event* happen to it. Archived, it ends its enrollments too.

    Raises:
        UnknownObject, StaleObject: As for every lock.
        NotInStatus: *event* does not happen in its status.
        SequenceHasNoSteps: It was to be activated.
    """
    sequence = await lock_sequence(conn, workspace_id, sequence_id, expected_version=expected_version)
    if event is SequenceEvent.ACTIVATE and not await _has_steps(conn, workspace_id, sequence_id):
        raise SequenceHasNoSteps
    moved = await conn.execute(
        transition(SEQUENCE, sequences, event)
        .where(sequences.c.workspace_id == workspace_id, sequences.c.id == sequence_id)
        .values({"version": sequences.c.version + 1, **dict.fromkeys(_STAMPED_BY.get(event, ()), now)})
    )
    if moved.rowcount == 0:
        raise NotInStatus(Noun.SEQUENCE, sequence.status)
    if event is SequenceEvent.RESUME and sequence.paused_at is not None:
        # From the moment on at which all sending was paused, its resuming counts.
        until = min(now, await paused_since(conn, workspace_id) or now)
        await lengthen_waits(conn, workspace_id, sequence_id, since=sequence.paused_at, now=until)
    if event is SequenceEvent.ARCHIVE:
        await end_enrollments(
            conn,
            workspace_id=workspace_id,
            matching=enrollments.c.sequence_id == sequence_id,
            event=EnrollmentEvent.CANCEL,
            now=now,
        )


async def _has_steps(conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId) -> bool:
    live = exists().where(
        steps.c.workspace_id == workspace_id, steps.c.sequence_id == sequence_id, steps.c.removed_at.is_(None)
    )
    return bool(await conn.scalar(select(live)))


async def has_open_enrollments(
    conn: AsyncConnection, workspace_id: WorkspaceId, sequence_id: SequenceId
) -> bool:
    """Whether anything may be planned for this sequence, so that a change of it needs a replan."""
    return bool(
        await conn.scalar(
            select(
                exists().where(
                    enrollments.c.workspace_id == workspace_id,
                    enrollments.c.sequence_id == sequence_id,
                    enrollments.c.status.in_(OPEN),
                )
            )
        )
    )


async def complete_sequences(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    now: datetime,
    among_ids: Collection[SequenceId] | None = None,
) -> list[SequenceId]:
    """
    Complete the active sequences that had enrollments and have no open one left.

    Locked first and looked at again in a second statement: an enrollment that is being written meanwhile
    holds its sequence, so it is seen here or finds the sequence completed and reopens it.
    """
    finished = (
        sequences.c.workspace_id == workspace_id,
        exists().where(enrollments.c.sequence_id == sequences.c.id),
        ~exists().where(enrollments.c.sequence_id == sequences.c.id, enrollments.c.status.in_(OPEN)),
    )
    candidates = select(sequences.c.id).where(*finished, sequences.c.status == str(SequenceStatus.ACTIVE))
    if among_ids is not None:
        candidates = candidates.where(among(sequences.c.id, among_ids))
    locked = await conn.scalars(
        candidates.order_by(sequences.c.id).with_for_update(key_share=True, skip_locked=True)
    )
    ids = list(locked)
    if not ids:
        return []
    completed = await conn.scalars(
        transition(SEQUENCE, sequences, SequenceEvent.COMPLETE)
        .where(*finished, among(sequences.c.id, ids))
        .values(completed_at=now, version=sequences.c.version + 1)
        .returning(sequences.c.id)
    )
    return [SequenceId(sequence_id) for sequence_id in completed]
