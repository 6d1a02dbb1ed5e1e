"""What every contact is sent next, after the steps of the sequence changed under it."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select, update

from domain.ids import EnrollmentId, MailboxId, SequenceId, StepId, WorkspaceId
from domain.waits import Wait
from persistence.database import Database
from persistence.next_positions import complete_finished, refresh_next_positions
from persistence.steps import NewStep, StepText, insert_step, lock_step, move_step, remove_step
from persistence.tables import enrollments, mailboxes, scheduled_emails, sequences, steps
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

ABC = ((0, "A", "Hello"), (1, "B", "Hello"), (1, "C", "Hello"))


@dataclass(frozen=True)
class World:
    workspace_id: WorkspaceId
    mailbox_id: MailboxId
    sequence_id: SequenceId
    steps: dict[str, StepId]


@pytest.fixture
async def world(api_db: Database) -> World:
    """An active sequence of the steps A, B and C."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = await make_mailbox(conn, workspace_id)
        sequence_id = await make_sequence(conn, workspace_id, steps=ABC)
    async with api_db.transaction(workspace_id) as conn:
        ids = await conn.scalars(select(steps.c.id).order_by(steps.c.position))
        return World(workspace_id, mailbox_id, sequence_id, dict(zip("ABC", ids, strict=True)))


async def enroll(
    api_db: Database, world: World, *statuses: str, next_position: int = 1, status: str = "ACTIVE"
) -> EnrollmentId:
    """An enrollment whose first emails are in *statuses*."""
    async with api_db.transaction(world.workspace_id) as conn:
        enrollment_id = await make_enrollment(
            conn,
            world.workspace_id,
            world.sequence_id,
            mailbox_id=world.mailbox_id,
            next_position=next_position,
            status=status,
        )
        for position, email_status in enumerate(statuses, 1):
            await make_email(conn, enrollment_id, position=position, status=email_status)
        return enrollment_id


async def had_a_then_b(api_db: Database, world: World) -> EnrollmentId:
    """An enrollment that was sent A at nine and B at ten."""
    enrollment_id = await enroll(api_db, world, next_position=3)
    async with api_db.transaction(world.workspace_id) as conn:
        for position in (1, 2):
            sent_at = MONDAY.replace(hour=8 + position)
            await make_email(conn, enrollment_id, position=position, status="SENT", sent_at=sent_at)
    return enrollment_id


async def refreshed(api_db: Database, world: World) -> dict[EnrollmentId, int]:
    async with api_db.transaction(world.workspace_id) as conn:
        await refresh_next_positions(conn, world.workspace_id, world.sequence_id)
        found = await conn.execute(select(enrollments.c.id, enrollments.c.next_position))
        return {EnrollmentId(row.id): row.next_position for row in found}


async def move(api_db: Database, world: World, step: str, position: int) -> None:
    async with api_db.transaction(world.workspace_id) as conn:
        held = await lock_step(conn, world.workspace_id, world.steps[step])
        await move_step(conn, world.workspace_id, held, position=position)


async def remove(api_db: Database, world: World, step: str) -> None:
    async with api_db.transaction(world.workspace_id) as conn:
        held = await lock_step(conn, world.workspace_id, world.steps[step])
        await remove_step(conn, world.workspace_id, held, now=MONDAY)


@pytest.mark.parametrize("status", ["SENT", "FAILED", "IN_DOUBT"])
async def test_what_is_settled_is_not_next(api_db: Database, world: World, status: str) -> None:
    """The first step behind it is."""
    enrollment_id = await enroll(api_db, world, status, "PENDING", "PENDING", next_position=3)

    assert await refreshed(api_db, world) == {enrollment_id: 2}


@pytest.mark.parametrize("status", ["QUEUED", "SENDING", "COMMITTING", "RETRYING"])
async def test_what_is_on_its_way_is_next_until_it_is_settled(
    api_db: Database, world: World, status: str
) -> None:
    """Wherever its step was moved to: the gate would not let it pass, and nothing may overtake it."""
    enrollment_id = await enroll(api_db, world, status, "PENDING", "PENDING", next_position=3)

    in_front = await refreshed(api_db, world)
    await move(api_db, world, "A", 3)

    assert (in_front, await refreshed(api_db, world)) == ({enrollment_id: 1}, {enrollment_id: 3})


async def test_a_mailbox_may_hold_the_sequence_for_a_doubt(api_db: Database, world: World) -> None:
    """The step in doubt is next until it is settled."""
    enrollment_id = await enroll(api_db, world, "SENT", "IN_DOUBT", next_position=3)
    async with api_db.transaction(world.workspace_id) as conn:
        await conn.execute(update(mailboxes).values(in_doubt_policy="HOLD"))

    assert await refreshed(api_db, world) == {enrollment_id: 2}


async def test_what_is_planned_or_was_cancelled_is_still_to_come(api_db: Database, world: World) -> None:
    """Neither has been sent."""
    planned = await enroll(api_db, world, "PENDING", next_position=2)
    cancelled = await enroll(api_db, world, "CANCELLED", next_position=2)

    assert await refreshed(api_db, world) == {planned: 1, cancelled: 1}


async def test_a_step_put_in_front_is_for_those_who_have_not_passed_it(
    api_db: Database, world: World
) -> None:
    """A contact that was sent A is sent B next, now at 3; one that was not gets the new step first."""
    beyond = await enroll(api_db, world, "SENT", "PENDING", next_position=2)
    before = await enroll(api_db, world, "PENDING", "PENDING")

    async with api_db.transaction(world.workspace_id) as conn:
        new_step = NewStep(StepText("N", "Hello"), wait=Wait(0))
        await insert_step(conn, world.workspace_id, world.sequence_id, new_step=new_step, position=1)

    assert await refreshed(api_db, world) == {beyond: 3, before: 1}


async def test_a_step_put_behind_is_for_all_who_are_still_on_their_way(
    api_db: Database, world: World
) -> None:
    """Whatever they were sent so far."""
    late = await enroll(api_db, world, "SENT", "SENT", "SENDING", next_position=3)
    early = await enroll(api_db, world, "SENT", next_position=2)
    async with api_db.transaction(world.workspace_id) as conn:
        new_step = NewStep(StepText("N", "Hello"), wait=Wait(0))
        await insert_step(conn, world.workspace_id, world.sequence_id, new_step=new_step, position=4)

    assert await refreshed(api_db, world) == {late: 3, early: 2}


async def test_after_a_move_the_next_step_is_the_first_unsent_one_behind_the_last(
    api_db: Database, world: World
) -> None:
    """C in front is passed by those who had A, and first for the others; behind A at the end is nothing."""
    had_a = await enroll(api_db, world, "SENT", "PENDING", "PENDING", next_position=2)
    had_nothing = await enroll(api_db, world, "PENDING")

    await move(api_db, world, "C", 1)
    in_front = await refreshed(api_db, world)
    await move(api_db, world, "A", 3)

    assert in_front == {had_a: 3, had_nothing: 1}
    assert await refreshed(api_db, world) == {had_a: 4, had_nothing: 1}


async def test_no_step_is_sent_twice(api_db: Database, world: World) -> None:
    """B left after A; A, moved behind it, is passed over on the way to C."""
    enrollment_id = await had_a_then_b(api_db, world)

    await move(api_db, world, "A", 2)

    assert await refreshed(api_db, world) == {enrollment_id: 3}


async def test_the_last_one_of_a_step_that_was_removed_does_not_count(api_db: Database, world: World) -> None:
    """Who had A and then B, now removed, is behind A: a step put in front of A is passed, and C is next."""
    enrollment_id = await had_a_then_b(api_db, world)
    await remove(api_db, world, "B")
    async with api_db.transaction(world.workspace_id) as conn:
        new_step = NewStep(StepText("N", "Hello"), wait=Wait(0))
        await insert_step(conn, world.workspace_id, world.sequence_id, new_step=new_step, position=1)
    assert await refreshed(api_db, world) == {enrollment_id: 3}


async def test_a_removed_step_counts_no_more(api_db: Database, world: World) -> None:
    """The step behind it moves up and is next, or nothing is left."""
    had_a = await enroll(api_db, world, "SENT", "PENDING", "PENDING", next_position=2)
    had_all_but_b = await enroll(api_db, world, "SENT", "PENDING", "SENT", next_position=2)

    await remove(api_db, world, "B")

    assert await refreshed(api_db, world) == {had_a: 2, had_all_but_b: 3}


async def test_enrollments_that_ended_and_other_sequences_stay(api_db: Database, world: World) -> None:
    """Only what may still be sent matters."""
    ended = await enroll(api_db, world, next_position=3, status="REPLIED")
    async with api_db.transaction(world.workspace_id) as conn:
        elsewhere_sequence = await make_sequence(conn, world.workspace_id)
        elsewhere = await make_enrollment(conn, world.workspace_id, elsewhere_sequence, next_position=2)

    assert await refreshed(api_db, world) == {ended: 3, elsewhere: 2}


async def test_an_enrollment_with_nothing_left_is_complete(api_db: Database, world: World) -> None:
    """So is its sequence, with the last of them; what was planned for removed steps is cancelled."""
    done = await enroll(api_db, world, "SENT", "SENT", "PENDING", next_position=3)
    await remove(api_db, world, "C")
    await refreshed(api_db, world)

    async with api_db.transaction(world.workspace_id) as conn:
        completed = await complete_finished(conn, world.workspace_id, world.sequence_id, now=MONDAY)

    async with api_db.transaction(world.workspace_id) as conn:
        row = (await conn.execute(select(enrollments))).one()
        emails = await conn.scalars(select(scheduled_emails.c.status).order_by(scheduled_emails.c.id))
        assert (row.id, row.status, row.completed_at) == (done, "COMPLETED", MONDAY)
        assert emails.all() == ["SENT", "SENT", "CANCELLED"]
        assert await conn.scalar(select(sequences.c.status)) == "COMPLETED"
    assert completed == 1


@pytest.mark.parametrize(
    ("status", "policy", "completes"),
    [
        ("SENDING", "ASSUME_SENT", 0),
        ("RETRYING", "ASSUME_SENT", 0),
        ("IN_DOUBT", "ASSUME_SENT", 1),
        ("IN_DOUBT", "HOLD", 0),
    ],
)
async def test_what_is_not_settled_keeps_an_enrollment_open(
    api_db: Database, world: World, status: str, policy: str, completes: int
) -> None:
    """An email on its way does; one in doubt only where the mailbox holds the sequence for it."""
    await enroll(api_db, world, "SENT", status, "PENDING", next_position=3)
    await remove(api_db, world, "C")
    await refreshed(api_db, world)

    async with api_db.transaction(world.workspace_id) as conn:
        await conn.execute(update(mailboxes).values(in_doubt_policy=policy))
        completed = await complete_finished(conn, world.workspace_id, world.sequence_id, now=MONDAY)

    assert completed == completes
