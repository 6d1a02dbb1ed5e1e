"""Dispatches: triggers that do not pile up, and what became of everything handed over."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from persistence.database import Database
from persistence.dispatches import forget_old, hand_over, processed, taken, trigger
from persistence.tables import dispatches
from tests.support.world import make_workspace


async def triggered(db: Database, actor: str = "dispatcher") -> UUID | None:
    async with db.transaction() as conn:
        return await trigger(conn, actor)


async def grow_old(db: Database, age: timedelta) -> None:
    async with db.transaction() as conn:
        await conn.execute(update(dispatches).values(created_at=func.clock_timestamp() - age))


async def test_a_trigger_on_its_way_is_enough(worker_db: Database) -> None:
    """Another one is given out when it was taken; each actor and workspace has its own."""
    first = await triggered(worker_db)
    assert first is not None
    assert await triggered(worker_db) is None
    assert await triggered(worker_db, "rescue") is not None

    async with worker_db.transaction() as conn:
        await taken(conn, first)

    assert await triggered(worker_db) is not None


async def test_each_workspace_has_its_own_trigger(worker_db: Database) -> None:
    """One of them is planned while the other one waits."""
    async with worker_db.transaction() as conn:
        mine, other = await make_workspace(conn), await make_workspace(conn)
        given = [await trigger(conn, "planner", workspace_id=each) for each in (mine, other, mine, other)]

    assert [each is not None for each in given] == [True, True, False, False]


async def test_a_trigger_that_nobody_takes_is_taken_to_be_lost(worker_db: Database) -> None:
    """After ten seconds of real time."""
    await triggered(worker_db)

    await grow_old(worker_db, timedelta(seconds=9))
    assert await triggered(worker_db) is None
    await grow_old(worker_db, timedelta(seconds=10))
    assert await triggered(worker_db) is not None


async def test_a_batch_is_noted_from_publishing_to_its_end(worker_db: Database) -> None:
    """A copy of its message does not change when it was first taken; batches are no triggers."""
    async with worker_db.transaction() as conn:
        (batch,) = await hand_over(conn, "dispatcher", email_counts=[50])
        again = await trigger(conn, "sender")
    columns = dispatches.c
    of_batch = select(
        columns.email_count, columns.published_at, columns.taken_at, columns.processed_at
    ).where(columns.id == batch)

    states = []
    for stamp in (taken, taken, processed):
        async with worker_db.transaction() as conn:
            await stamp(conn, batch)
        async with worker_db.transaction() as conn:
            states.append((await conn.execute(of_batch)).one())

    first, second, last = states
    assert again is not None
    assert (first.email_count, first.processed_at) == (50, None)
    assert first.published_at < first.taken_at == second.taken_at == last.taken_at < last.processed_at


async def test_what_is_old_is_forgotten(worker_db: Database) -> None:
    """By real time."""
    await triggered(worker_db)
    await grow_old(worker_db, timedelta(days=8))
    await triggered(worker_db)

    async with worker_db.transaction() as conn:
        assert await forget_old(conn, before=datetime.now(UTC) - timedelta(days=7)) == 1
        assert await conn.scalar(select(func.count()).select_from(dispatches)) == 1
