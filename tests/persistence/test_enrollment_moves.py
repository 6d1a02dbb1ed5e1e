"""Enrollments that are held, sent on, and stopped with their emails."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.ids import EnrollmentId, SequenceId, WorkspaceId
from persistence.database import Database
from persistence.enrollment_moves import pause_enrollment, resume_enrollment, stop_enrollment
from persistence.open_enrollments import enrollments_for_planning
from persistence.planning_terms import planning_terms
from persistence.refusals import NotInStatus, StaleObject, UnknownObject
from persistence.tables import enrollments, scheduled_emails, sequences
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)


@dataclass(frozen=True)
class World:
    workspace_id: WorkspaceId
    sequence_id: SequenceId


@pytest.fixture
async def world(api_db: Database) -> World:
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        return World(workspace_id, await make_sequence(conn, workspace_id))


async def make_planned(
    api_db: Database, world: World, *, email: str = "PENDING", **overrides: Any
) -> EnrollmentId:
    async with api_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, world.workspace_id)
        enrollment_id = await make_enrollment(
            conn, world.workspace_id, world.sequence_id, mailbox_id=mailbox_id, planned_at=MONDAY, **overrides
        )
        await make_email(conn, enrollment_id, status=email)
        return enrollment_id


async def test_an_enrollment_is_held_and_sent_on(api_db: Database, world: World) -> None:
    """Its plan stays while it is held; after five hours its wait ends five hours later."""
    due = MONDAY + timedelta(days=1)
    enrollment_id = await make_planned(api_db, world, next_not_before=due)

    async with api_db.transaction(world.workspace_id) as conn:
        await pause_enrollment(conn, world.workspace_id, enrollment_id, now=MONDAY)
        held = (await conn.execute(select(enrollments))).one()
        email_of_held = await conn.scalar(select(scheduled_emails.c.status))
        later = MONDAY + timedelta(hours=5)
        await resume_enrollment(conn, world.workspace_id, enrollment_id, now=later)
        resumed = (await conn.execute(select(enrollments))).one()

    assert (held.status, held.paused_at, held.planned_at) == ("PAUSED", MONDAY, MONDAY)
    assert email_of_held == "PENDING"
    assert (resumed.status, resumed.paused_at, resumed.planned_at) == ("ACTIVE", None, MONDAY)
    assert resumed.next_not_before == due + timedelta(hours=5)
    assert (held.version, resumed.version) == (2, 3)


@pytest.mark.parametrize(("held", "days"), [(timedelta(hours=23), 0), (timedelta(days=7, hours=1), 7)])
async def test_time_on_hold_does_not_consume_the_wait(
    api_db: Database, world: World, held: timedelta, days: int
) -> None:
    """The day from which it counts moves by the whole days on hold, and planning goes by that."""
    began = MONDAY.date()
    enrollment_id = await make_planned(api_db, world, email="SENT", last_window_day=began)

    async with api_db.transaction(world.workspace_id) as conn:
        await pause_enrollment(conn, world.workspace_id, enrollment_id, now=MONDAY)
        await resume_enrollment(conn, world.workspace_id, enrollment_id, now=MONDAY + held)
        terms = await planning_terms(conn, world.workspace_id)
        (seen,) = await enrollments_for_planning(conn, world.workspace_id, [enrollment_id], terms=terms)

    assert seen.last_window_day == began + timedelta(days=days)


async def test_resuming_what_has_not_begun_leaves_its_wait_open(api_db: Database, world: World) -> None:
    """There is no day or instant to move; planning knows how long it was on hold."""
    enrollment_id = await make_planned(api_db, world, status="PAUSED", paused_at=MONDAY)

    async with api_db.transaction(world.workspace_id) as conn:
        await resume_enrollment(conn, world.workspace_id, enrollment_id, now=MONDAY + timedelta(days=7))
        row = (await conn.execute(select(enrollments))).one()

    assert (row.next_not_before, row.last_window_day, row.held_for) == (None, None, timedelta(days=7))


async def test_a_stopped_enrollment_takes_its_emails_along(api_db: Database, world: World) -> None:
    """And completes its sequence if it was the last."""
    enrollment_id = await make_planned(api_db, world)

    async with api_db.transaction(world.workspace_id) as conn:
        await stop_enrollment(conn, world.workspace_id, enrollment_id, now=MONDAY)

    async with api_db.transaction(world.workspace_id) as conn:
        assert await conn.scalar(select(enrollments.c.status)) == "CANCELLED"
        assert await conn.scalar(select(scheduled_emails.c.status)) == "CANCELLED"
        assert await conn.scalar(select(sequences.c.status)) == "COMPLETED"


async def test_what_an_enrollments_status_does_not_allow_is_refused(api_db: Database, world: World) -> None:
    """Pausing a paused one, resuming an active one, stopping one that has ended."""
    active = await make_planned(api_db, world)
    paused = await make_planned(api_db, world, status="PAUSED", paused_at=MONDAY)
    ended = await make_planned(api_db, world, status="REPLIED")

    async with api_db.transaction(world.workspace_id) as conn:
        for act, enrollment_id, status in (
            (pause_enrollment, paused, "PAUSED"),
            (resume_enrollment, active, "ACTIVE"),
            (stop_enrollment, ended, "REPLIED"),
        ):
            with pytest.raises(NotInStatus) as refusal:
                await act(conn, world.workspace_id, enrollment_id, now=MONDAY)
            assert refusal.value.status == status


async def test_unknown_and_stale_enrollments_are_refused(worker_db: Database, world: World) -> None:
    """Of another workspace, or of another version."""
    async with worker_db.transaction() as conn:
        own = await make_enrollment(conn, world.workspace_id, world.sequence_id)
        other = await make_workspace(conn)

        with pytest.raises(UnknownObject):
            await stop_enrollment(conn, other, own, now=MONDAY)
        with pytest.raises(StaleObject):
            await stop_enrollment(conn, world.workspace_id, own, now=MONDAY, expected_version=2)
