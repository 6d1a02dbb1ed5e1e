"""Moves of one enrollment: held, sent on, and taken off its sequence."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Interval,
    Row,
    and_,
    cast,
    extract,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import EnrollmentId, SequenceId, WorkspaceId
from domain.lifecycle import ENROLLMENT, EnrollmentEvent, SequenceStatus
from persistence.database import notify
from persistence.holds import paused_since, reopen_hurried_starts
from persistence.locks import lock_row
from persistence.refusals import NotInStatus, Noun
from persistence.sequences import complete_sequences
from persistence.stops import end_enrollments
from persistence.tables import enrollments, sequences
from persistence.transitions import transition
from persistence.working_day_waits import reopen_hurried


async def pause_enrollment(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    enrollment_id: EnrollmentId,
    *,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """
    Hold an enrollment; its plan stays.

    Raises:
        UnknownObject, StaleObject: As for every lock.
        NotInStatus: It is not active.
    """
    enrollment = await _lock(conn, workspace_id, enrollment_id, expected_version)
    paused = await conn.execute(
        transition(ENROLLMENT, enrollments, EnrollmentEvent.PAUSE)
        .where(enrollments.c.workspace_id == workspace_id, enrollments.c.id == enrollment_id)
        .values(paused_at=now, version=enrollments.c.version + 1)
    )
    if paused.rowcount == 0:
        raise NotInStatus(Noun.ENROLLMENT, enrollment.status)


async def resume_enrollment(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    enrollment_id: EnrollmentId,
    *,
    now: datetime,
    expected_version: int | None = None,
) -> SequenceId:
    """
    Send an enrollment on, and answer its sequence.

    Its wait is longer by the time on hold, so that its plan may have to be made anew.

    A wait in days is longer by the whole days of all holds in it: who was on hold for an hour loses none.

    Raises:
        UnknownObject, StaleObject: As for every lock.
        NotInStatus: It is not paused.
    """
    enrollment = await _lock(conn, workspace_id, enrollment_id, expected_version)
    # From the moment on at which the whole sequence was paused, or all sending, its resuming counts.
    until = await conn.scalar(select(sequences.c.paused_at).where(_pauses(enrollment.sequence_id)))
    sending_until = await paused_since(conn, workspace_id)
    held_until = max(enrollment.paused_at or now, min(now, until or now, sending_until or now))
    on_hold = type_coerce(
        literal(held_until, enrollments.c.paused_at.type) - enrollments.c.paused_at, Interval
    )
    resumed = await conn.execute(
        transition(ENROLLMENT, enrollments, EnrollmentEvent.RESUME)
        .where(enrollments.c.workspace_id == workspace_id, enrollments.c.id == enrollment_id)
        .values(
            paused_at=None,
            held_for=enrollments.c.held_for + on_hold,
            next_not_before=enrollments.c.next_not_before + on_hold,
            last_window_day=enrollments.c.last_window_day
            + _whole_days(enrollments.c.held_for + on_hold)
            - _whole_days(enrollments.c.held_for),
            version=enrollments.c.version + 1,
        )
    )
    if resumed.rowcount == 0:
        raise NotInStatus(Noun.ENROLLMENT, enrollment.status)
    # Where the claim cannot count the days itself, nothing leaves before the plan was looked at.
    await reopen_hurried(conn, [enrollment_id])
    await reopen_hurried_starts(conn, workspace_id, enrollment_id=enrollment_id, now=now)
    await notify(conn, "plan")
    return SequenceId(enrollment.sequence_id)


# Any: an interval, as SQL.
def _whole_days(time: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.floor(extract("epoch", time) / 86400), Integer)


def _pauses(sequence_id: UUID) -> ColumnElement[bool]:
    return and_(sequences.c.id == sequence_id, sequences.c.status == str(SequenceStatus.PAUSED))


async def stop_enrollment(
    conn: AsyncConnection,
    workspace_id: WorkspaceId,
    enrollment_id: EnrollmentId,
    *,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """
    Take an enrollment off its sequence and cancel what it had still to send.

    Raises:
        UnknownObject, StaleObject: As for every lock.
        NotInStatus: It has ended already.
    """
    enrollment = await _lock(conn, workspace_id, enrollment_id, expected_version)
    ended = await end_enrollments(
        conn,
        workspace_id=workspace_id,
        matching=enrollments.c.id == enrollment_id,
        event=EnrollmentEvent.CANCEL,
        now=now,
    )
    if not ended:
        raise NotInStatus(Noun.ENROLLMENT, enrollment.status)
    await complete_sequences(conn, workspace_id, now=now, among_ids=[enrollment.sequence_id])


# Any: a row has the columns of its table.
async def _lock(
    conn: AsyncConnection, workspace_id: WorkspaceId, enrollment_id: EnrollmentId, version: int | None
) -> Row[Any]:
    return await lock_row(
        conn,
        enrollments,
        Noun.ENROLLMENT,
        workspace_id=workspace_id,
        row_id=enrollment_id,
        expected_version=version,
    )
