"""The lock of a workspace's plan: one at a time writes when emails leave."""

from persistence.database import Database
from persistence.plan_lock import try_plan_lock
from tests.support.world import make_workspace


async def test_one_plans_a_workspace_at_a_time(worker_db: Database) -> None:
    """Another one is free meanwhile; the lock ends with its transaction."""
    async with worker_db.transaction() as conn:
        mine, other = await make_workspace(conn), await make_workspace(conn)

    async with worker_db.transaction() as first, worker_db.transaction() as second:
        assert await try_plan_lock(first, mine)
        assert not await try_plan_lock(second, mine)
        assert await try_plan_lock(second, other)
    async with worker_db.transaction() as conn:
        assert await try_plan_lock(conn, mine)
