"""Steps: positions without holes, texts in versions, and what each contact is sent next."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import SequenceId, StepId, WorkspaceId
from domain.waits import Wait
from persistence.database import Database
from persistence.refusals import NotInStatus, StaleObject, UnknownObject
from persistence.steps import (
    NewStep,
    StepText,
    append_steps,
    count_steps,
    insert_step,
    lock_step,
    move_step,
    remove_step,
    rewrite_step,
    text_of,
)
from persistence.tables import step_versions, steps
from tests.support.world import MONDAY, make_sequence, make_workspace


@dataclass(frozen=True)
class World:
    workspace_id: WorkspaceId
    sequence_id: SequenceId


@pytest.fixture
async def world(api_db: Database) -> World:
    """A draft without steps."""
    async with api_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id, steps=(), status="DRAFT")
        return World(workspace_id, sequence_id)


def step(subject: str) -> NewStep:
    return NewStep(StepText(subject, "Hello"), wait=Wait(1))


async def append(conn: AsyncConnection, world: World, *subjects: str) -> list[StepId]:
    new_steps = [step(subject) for subject in subjects]
    return await append_steps(conn, world.workspace_id, world.sequence_id, new_steps=new_steps)


async def in_order(api_db: Database, world: World) -> list[tuple[int, str]]:
    """Position and subject of the live steps, as committed."""
    async with api_db.transaction(world.workspace_id) as conn:
        found = await conn.execute(
            select(steps.c.position, step_versions.c.subject)
            .join(step_versions, step_versions.c.step_id == steps.c.id)
            .where(steps.c.removed_at.is_(None), step_versions.c.version == steps.c.text_version)
            .order_by(steps.c.position)
        )
        return [(row.position, row.subject) for row in found]


async def test_steps_are_appended_in_order(api_db: Database, world: World) -> None:
    """Behind those that are there; with their wait and the first version of their text."""
    async with api_db.transaction(world.workspace_id) as conn:
        await append(conn, world, "A", "B")
        await append(conn, world, "C")

    assert await in_order(api_db, world) == [(1, "A"), (2, "B"), (3, "C")]
    async with api_db.transaction(world.workspace_id) as conn:
        rows = (await conn.execute(select(steps))).all()
    assert {(row.wait_days, row.starts_thread, row.text_version) for row in rows} == {(1, False, 1)}


@pytest.mark.parametrize(("position", "after"), [(1, "NABC"), (2, "ANBC"), (3, "ABNC"), (4, "ABCN")])
async def test_a_step_is_put_in_anywhere(api_db: Database, world: World, position: int, after: str) -> None:
    """The ones from there on make room."""
    async with api_db.transaction(world.workspace_id) as conn:
        await append(conn, world, "A", "B", "C")
        await insert_step(conn, world.workspace_id, world.sequence_id, new_step=step("N"), position=position)

    assert await in_order(api_db, world) == list(enumerate(after, 1))


@pytest.mark.parametrize(
    ("moved", "position", "after"),
    [("A", 4, "BCDA"), ("D", 1, "DABC"), ("B", 3, "ACBD"), ("C", 2, "ACBD"), ("B", 2, "ABCD")],
)
async def test_a_step_is_moved_past_the_others(
    api_db: Database, world: World, moved: str, position: int, after: str
) -> None:
    """Those between its old and its new place close up; the rest stays."""
    async with api_db.transaction(world.workspace_id) as conn:
        ids = dict(zip("ABCD", await append(conn, world, *"ABCD"), strict=True))

    async with api_db.transaction(world.workspace_id) as conn:
        held = await lock_step(conn, world.workspace_id, ids[moved])
        await move_step(conn, world.workspace_id, held, position=position)

    assert await in_order(api_db, world) == list(enumerate(after, 1))


async def test_a_removed_step_leaves_no_hole(api_db: Database, world: World) -> None:
    """Its row and texts stay, for what was sent of it; nobody finds it to change it."""
    async with api_db.transaction(world.workspace_id) as conn:
        _, b, _ = await append(conn, world, *"ABC")

    async with api_db.transaction(world.workspace_id) as conn:
        await remove_step(conn, world.workspace_id, await lock_step(conn, world.workspace_id, b), now=MONDAY)

    assert await in_order(api_db, world) == [(1, "A"), (2, "C")]
    async with api_db.transaction(world.workspace_id) as conn:
        removed = (await conn.execute(select(steps).where(steps.c.id == b))).one()
        assert (removed.position, removed.removed_at) == (None, MONDAY)
        assert await text_of(conn, world.workspace_id, b) == StepText("B", "Hello")
        assert await count_steps(conn, world.workspace_id, world.sequence_id) == 2
        with pytest.raises(UnknownObject):
            await lock_step(conn, world.workspace_id, b)


async def test_a_new_text_is_a_new_version(api_db: Database, world: World) -> None:
    """The old one is kept as it was."""
    async with api_db.transaction(world.workspace_id) as conn:
        (a,) = await append(conn, world, "A")

    async with api_db.transaction(world.workspace_id) as conn:
        held = await lock_step(conn, world.workspace_id, a)
        await rewrite_step(conn, world.workspace_id, held, text=StepText("A2", "Hi", "<p>Hi</p>"))

    async with api_db.transaction(world.workspace_id) as conn:
        assert await text_of(conn, world.workspace_id, a) == StepText("A2", "Hi", "<p>Hi</p>")
        written = await conn.execute(
            select(step_versions.c.version, step_versions.c.subject).order_by(step_versions.c.version)
        )
        row = (await conn.execute(select(steps))).one()
        assert [tuple(version) for version in written] == [(1, "A"), (2, "A2")]
        assert (row.text_version, row.version) == (2, 2)


async def test_steps_that_cannot_be_changed_are_refused(api_db: Database, world: World) -> None:
    """Unknown, of another version than expected, or of an archived sequence."""
    async with api_db.transaction(world.workspace_id) as conn:
        (a,) = await append(conn, world, "A")
        archived = await make_sequence(conn, world.workspace_id, status="ARCHIVED")
        old = await conn.scalar(select(steps.c.id).where(steps.c.sequence_id == archived).limit(1))
        assert old is not None

    async with api_db.transaction(world.workspace_id) as conn:
        with pytest.raises(UnknownObject):
            await lock_step(conn, world.workspace_id, StepId(world.sequence_id))
        with pytest.raises(StaleObject):
            await lock_step(conn, world.workspace_id, a, expected_version=7)
        with pytest.raises(NotInStatus):
            await lock_step(conn, world.workspace_id, StepId(old))
