"""The nightly run: once for each workspace and date of its own zone."""

from datetime import datetime

from sqlalchemy import select

from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.schedule_runs import begin_nightly, request_pull_forward
from persistence.tables import recalculations
from tests.persistence.delivery import at
from tests.support.world import make_enrollment, make_sequence, make_workspace


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


async def test_a_night_asks_for_a_replan_where_somebody_is_on_the_way(worker_db: Database) -> None:
    """From the second day of a workspace on: on the first one nothing has become free."""
    async with worker_db.transaction() as conn:
        busy, _ = await make_workspace(conn), await make_workspace(conn)
        await make_enrollment(conn, busy, await make_sequence(conn, busy))

    asked = []
    for day in (2, 3):
        workspaces = await begun(worker_db, at(0, day=day))
        async with worker_db.transaction() as conn:
            await request_pull_forward(conn, workspaces, now=at(0, day=day))
            rows = (await conn.execute(select(recalculations))).all()
        asked.append([(row.workspace_id, row.cause, row.requested_by) for row in rows])

    assert asked == [[], [(busy, "NIGHTLY", "clock")]]
