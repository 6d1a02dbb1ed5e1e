"""Enrollments: once at a time, in order, held with their sequence, and ended with their emails."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from domain.ids import ContactId, EnrollmentId, SequenceId, WorkspaceId
from domain.lifecycle import SequenceStatus
from persistence.database import Database, listen
from persistence.enrollments import (
    Enrolled,
    enroll,
    hold_for_enrolling,
    pause_enrollment,
    resume_enrollment,
    stop_enrollment,
)
from persistence.refusals import NotInStatus, StaleObject, UnknownObject
from persistence.tables import enrollments, scheduled_emails, sequences, suppressions
from tests.support.world import (
    MONDAY,
    make_contact,
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
    assert enrolled == Enrolled(tuple(row.id for row in rows), already_enrolled=0, suppressed=0)
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
    assert (len(enrolled.enrollment_ids), enrolled.already_enrolled) == (1, 3)
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
    assert (len(enrolled.enrollment_ids), enrolled.already_enrolled, enrolled.suppressed) == (1, 0, 3)


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
    assert sum(len(outcome.enrollment_ids) for outcome in outcomes) == 100
    assert sum(outcome.already_enrolled for outcome in outcomes) == 300


async def test_reopening_at_once_does_not_deadlock(api_db: Database, world: World) -> None:
    """Both calls find the sequence completed; one reopens it, the other finds it open."""
    async with api_db.transaction() as conn:
        completed = await make_sequence(conn, world.workspace_id, status="COMPLETED")
    reopened = World(world.workspace_id, completed, world.contacts)

    outcomes = await asyncio.gather(*(enroll_all(api_db, reopened, each) for each in world.contacts))

    assert [len(outcome.enrollment_ids) for outcome in outcomes] == [1, 1, 1]


async def make_planned(api_db: Database, world: World, **overrides: object) -> EnrollmentId:
    async with api_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, world.workspace_id)
        enrollment_id = await make_enrollment(
            conn, world.workspace_id, world.sequence_id, mailbox_id=mailbox_id, planned_at=MONDAY, **overrides
        )
        await make_email(conn, enrollment_id)
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
    assert (resumed.status, resumed.paused_at, resumed.planned_at) == ("ACTIVE", None, None)
    assert resumed.next_not_before == due + timedelta(hours=5)
    assert (held.version, resumed.version) == (2, 3)


async def test_resuming_what_has_not_begun_leaves_its_wait_open(api_db: Database, world: World) -> None:
    """There is none to lengthen; the planner hears of it."""
    enrollment_id = await make_planned(api_db, world, status="PAUSED", paused_at=MONDAY)

    async with api_db.transaction(world.workspace_id) as conn:
        await resume_enrollment(conn, world.workspace_id, enrollment_id, now=MONDAY + timedelta(days=7))
        row = (await conn.execute(select(enrollments))).one()

    assert (row.next_not_before, row.planned_at) == (None, None)


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
