"""Enrollments: once at a time, in order, held with their sequence, and ended with their emails."""

import asyncio
from dataclasses import dataclass

import pytest
from sqlalchemy import insert, select

from domain.ids import ContactId, SequenceId, WorkspaceId
from domain.lifecycle import SequenceStatus
from persistence.database import Database, listen
from persistence.enrollments import (
    Enrolled,
    enroll,
    hold_for_enrolling,
)
from persistence.refusals import NotInStatus, UnknownObject
from persistence.tables import enrollments, sequences, suppressions
from tests.support.world import (
    MONDAY,
    make_contact,
    make_enrollment,
    make_sequence,
    make_workspace,
)


@dataclass(frozen=True)
class World:
    workspace_id: WorkspaceId
    sequence_id: SequenceId
    contacts: tuple[ContactId, ...]


@pytest.fixture
async def world(api_db: Database) -> World:
    """An active sequence and three contacts."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id)
        known = [await make_contact(conn, workspace_id) for _ in range(3)]
    return World(workspace_id, sequence_id, tuple(known))


async def enroll_all(api_db: Database, world: World, *contact_ids: ContactId) -> Enrolled:
    async with api_db.transaction(world.workspace_id) as conn:
        await hold_for_enrolling(conn, world.workspace_id, world.sequence_id)
        return await enroll(conn, world.workspace_id, world.sequence_id, contact_ids=contact_ids, now=MONDAY)


async def test_contacts_are_enrolled_in_order_and_not_placed(api_db: Database, world: World) -> None:
    """The order of their ids is the order in which the planner will take them."""
    enrolled = await enroll_all(api_db, world, *reversed(world.contacts))

    async with api_db.transaction(world.workspace_id) as conn:
        rows = (await conn.execute(select(enrollments).order_by(enrollments.c.id))).all()
    assert enrolled == Enrolled(3, already_enrolled=0, suppressed=0)
    assert tuple(row.contact_id for row in rows) == world.contacts[::-1]
    assert {(row.status, row.enrolled_at, row.planned_at, row.next_position) for row in rows} == {
        ("ACTIVE", MONDAY, None, 1)
    }


async def test_whoever_is_on_the_way_stays_there(api_db: Database, world: World) -> None:
    """Active or paused, or named twice in one call; one whose way has ended begins anew."""
    on_the_way, held, ended = world.contacts
    async with api_db.transaction() as conn:
        for contact_id, status in ((on_the_way, "ACTIVE"), (held, "PAUSED"), (ended, "COMPLETED")):
            await make_enrollment(conn, world.workspace_id, world.sequence_id, contact_id, status=status)

    enrolled = await enroll_all(api_db, world, *world.contacts, ended)

    async with api_db.transaction(world.workspace_id) as conn:
        rows = (await conn.execute(select(enrollments.c.contact_id))).all()
    assert (enrolled.enrolled, enrolled.already_enrolled) == (1, 3)
    assert len(rows) == 4


async def test_whoever_is_not_written_to_is_left_out(api_db: Database, world: World) -> None:
    """On the list, bounced or unsubscribed."""
    async with api_db.transaction() as conn:
        bounced = await make_contact(conn, world.workspace_id, status="BOUNCED")
        left = await make_contact(conn, world.workspace_id, status="UNSUBSCRIBED")
        listed = await make_contact(conn, world.workspace_id, email="listed@example.test")
    async with api_db.transaction(world.workspace_id) as conn:
        row = {"workspace_id": world.workspace_id, "address": "listed@example.test", "reason": "MANUAL"}
        await conn.execute(insert(suppressions).values(row))

    enrolled = await enroll_all(api_db, world, bounced, left, listed, world.contacts[0])

    async with api_db.transaction(world.workspace_id) as conn:
        rows = await conn.scalars(select(enrollments.c.contact_id))
        assert rows.all() == [world.contacts[0]]
    assert (enrolled.enrolled, enrolled.already_enrolled, enrolled.suppressed) == (1, 0, 3)


async def test_an_unknown_contact_keeps_all_from_being_enrolled(api_db: Database, world: World) -> None:
    """One of another workspace, or a deleted one."""
    async with api_db.transaction() as conn:
        foreign = await make_contact(conn, await make_workspace(conn))
        deleted = await make_contact(conn, world.workspace_id, status="DELETED")

    for unknown in (foreign, deleted):
        with pytest.raises(UnknownObject) as refusal:
            await enroll_all(api_db, world, world.contacts[0], unknown)
        assert refusal.value.ids == {unknown}

    async with api_db.transaction(world.workspace_id) as conn:
        assert (await conn.execute(select(enrollments))).all() == []


@pytest.mark.parametrize("status", [SequenceStatus.PAUSED, SequenceStatus.ARCHIVED])
async def test_a_sequence_on_hold_takes_no_contacts(
    api_db: Database, world: World, status: SequenceStatus
) -> None:
    """Nor does an archived one."""
    async with api_db.transaction() as conn:
        sequence_id = await make_sequence(conn, world.workspace_id, status=str(status))

    async with api_db.transaction(world.workspace_id) as conn:
        with pytest.raises(NotInStatus) as refusal:
            await hold_for_enrolling(conn, world.workspace_id, sequence_id)

    assert refusal.value.status == status


async def test_a_completed_sequence_is_reopened_by_a_new_contact(api_db: Database, world: World) -> None:
    """Not by one that is left out; a draft stays a draft."""
    async with api_db.transaction() as conn:
        bounced = await make_contact(conn, world.workspace_id, status="BOUNCED")
        completed = await make_sequence(conn, world.workspace_id, status="COMPLETED", completed_at=MONDAY)
        draft = await make_sequence(conn, world.workspace_id, status="DRAFT")

    async def after(sequence_id: SequenceId, contact_id: ContactId) -> tuple[str, object]:
        await enroll_all(api_db, World(world.workspace_id, sequence_id, ()), contact_id)
        async with api_db.transaction(world.workspace_id) as conn:
            row = (await conn.execute(select(sequences).where(sequences.c.id == sequence_id))).one()
            return row.status, row.completed_at

    assert await after(completed, bounced) == ("COMPLETED", MONDAY)
    assert await after(completed, world.contacts[0]) == ("ACTIVE", None)
    assert await after(draft, world.contacts[0]) == ("DRAFT", None)


async def test_the_planner_hears_of_new_enrollments_only(
    api_db: Database, world: World, database_url: str
) -> None:
    """With the commit that brings them."""
    async with listen(database_url) as listener:
        await enroll_all(api_db, world, world.contacts[0])
        heard = await listener.next(timeout_s=5)
        await enroll_all(api_db, world, world.contacts[0])
        nothing = await listener.next(timeout_s=0.05)

    assert (heard, nothing) == ("plan", None)


async def test_two_calls_at_once_enroll_everyone_once(api_db: Database, world: World) -> None:
    """Over several connections, in opposite orders."""
    async with api_db.transaction() as conn:
        many = [await make_contact(conn, world.workspace_id) for _ in range(100)]

    outcomes = await asyncio.gather(
        *(enroll_all(api_db, world, *turn) for turn in (many, many[::-1], many, many[::-1]))
    )

    async with api_db.transaction(world.workspace_id) as conn:
        rows = await conn.scalars(select(enrollments.c.contact_id))
        assert sorted(rows) == sorted(many)
    assert sum(outcome.enrolled for outcome in outcomes) == 100
    assert sum(outcome.already_enrolled for outcome in outcomes) == 300


async def test_reopening_at_once_does_not_deadlock(api_db: Database, world: World) -> None:
    """Both calls find the sequence completed; one reopens it, the other finds it open."""
    async with api_db.transaction() as conn:
        completed = await make_sequence(conn, world.workspace_id, status="COMPLETED")
    reopened = World(world.workspace_id, completed, world.contacts)

    outcomes = await asyncio.gather(*(enroll_all(api_db, reopened, each) for each in world.contacts))

    assert [outcome.enrolled for outcome in outcomes] == [1, 1, 1]
