"""The nightly run: once for each workspace and date of its own zone."""

from datetime import datetime

from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.schedule_runs import begin_nightly
from tests.persistence.delivery import at
from tests.support.world import make_workspace


async def begun(db: Database, now: datetime) -> list[WorkspaceId]:
    async with db.transaction() as conn:
        return await begin_nightly(conn, now=now)


async def test_it_runs_once_a_day(worker_db: Database) -> None:
    """However often it is asked; after any downtime it is caught up, once."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn, zone="UTC")

    assert await begun(worker_db, at(0)) == [workspace_id]
    assert await begun(worker_db, at(23, 59)) == []
    assert await begun(worker_db, at(9, day=5)) == [workspace_id]
    assert await begun(worker_db, at(10, day=5)) == []


async def test_a_day_begins_when_it_begins_in_the_workspaces_zone(worker_db: Database) -> None:
    """In Tokyo nine hours before UTC, in New York five hours after."""
    async with worker_db.transaction() as conn:
        tokyo = await make_workspace(conn, zone="Asia/Tokyo")
        new_york = await make_workspace(conn, zone="America/New_York")
    assert set(await begun(worker_db, at(14, 59))) == {tokyo, new_york}

    assert await begun(worker_db, at(15)) == [tokyo]
    assert await begun(worker_db, at(4, 59, day=3)) == []
    assert await begun(worker_db, at(5, day=3)) == [new_york]
