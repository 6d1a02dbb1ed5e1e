"""Previews of rebalances: read alone, and the same as what is written afterwards."""

from datetime import date, timedelta

from sqlalchemy import select

from domain.rebalances import Promise, RebalanceScope
from persistence.database import Database
from persistence.rebalance_preview import DayLoad, Rebalance, day_loads, preview_rebalance
from persistence.tables import enrollments, scheduled_emails
from tests.support.planning_office import Planned
from tests.support.rebalancing import crowded
from tests.support.recalculating import SUNDAY
from tests.support.world import MONDAY, make_workspace

EVERYONE = RebalanceScope()


async def preview(api_db: Database, world: Planned, scope: RebalanceScope = EVERYONE) -> Rebalance:
    async with api_db.snapshot(world.workspace_id) as conn:
        return await preview_rebalance(conn, world.workspace_id, scope, now=SUNDAY)


async def test_the_overflow_goes_to_the_empty_mailbox(worker_db: Database, api_db: Database) -> None:
    """Those of Wednesday and Thursday gain two days; both mailboxes' days are told before and after."""
    world = await crowded(worker_db, api_db)
    full, empty = world.mailbox_ids

    rebalance = await preview(api_db, world)
    async with api_db.snapshot(world.workspace_id) as conn:
        days, in_all = await day_loads(conn, world.workspace_id, rebalance, most=10)
        first, still_in_all = await day_loads(conn, world.workspace_id, rebalance, most=1)

    figures = rebalance.figures()
    assert (figures.moved, figures.unchanged, figures.cancelled, figures.infeasible) == (4, 4, 0, 0)
    assert (figures.median_delay_s, figures.max_delay_s) == (-2 * 86_400, -2 * 86_400)
    assert days == [
        DayLoad(empty, date(2026, 3, 2), before=0, after=2),
        DayLoad(empty, date(2026, 3, 3), before=0, after=2),
        DayLoad(full, date(2026, 3, 4), before=2, after=0),
        DayLoad(full, date(2026, 3, 5), before=2, after=0),
    ]
    assert (first, in_all, still_in_all) == (days[:1], 4, 4)


async def test_a_preview_waits_for_nobody(worker_db: Database, api_db: Database) -> None:
    """Every row that it reads is locked by someone else, and it is answered all the same."""
    world = await crowded(worker_db, api_db)

    async with worker_db.transaction() as conn:
        await conn.execute(select(enrollments.c.id).with_for_update())
        await conn.execute(select(scheduled_emails.c.id).with_for_update())
        rebalance = await preview(api_db, world)

    assert rebalance.figures().moved == 4


async def test_only_those_in_scope_are_looked_at(worker_db: Database, api_db: Database) -> None:
    """By sequence and by mailbox; the empty mailbox has nobody."""
    world = await crowded(worker_db, api_db)
    full, empty = world.mailbox_ids

    of_sequence = await preview(api_db, world, RebalanceScope(world.sequence_id))
    of_full = await preview(api_db, world, RebalanceScope(None, (full,)))
    of_empty = await preview(api_db, world, RebalanceScope(None, (empty,)))

    assert [each.figures().moved for each in (of_sequence, of_full, of_empty)] == [4, 4, 0]
    assert of_empty.figures().unchanged == 0
    async with api_db.snapshot(world.workspace_id) as conn:
        assert await day_loads(conn, world.workspace_id, of_empty, most=10) == ([], 0)


async def test_what_would_be_cancelled_is_counted_and_gone_from_its_days(
    worker_db: Database, api_db: Database
) -> None:
    """CANCEL: the paused mailbox's contacts end, and its days become empty."""
    world = await crowded(worker_db, api_db)
    await world.execute("UPDATE sequences SET when_mailbox_paused = 'CANCEL'")
    await world.execute("UPDATE mailboxes SET status = 'PAUSED' WHERE id = :id", id=world.mailbox_ids[0])

    rebalance = await preview(api_db, world)
    async with api_db.snapshot(world.workspace_id) as conn:
        days, _ = await day_loads(conn, world.workspace_id, rebalance, most=10)

    figures = rebalance.figures()
    assert (figures.moved, figures.unchanged, figures.cancelled, figures.infeasible) == (0, 0, 8, 0)
    assert [(each.day.day, each.before, each.after) for each in days] == [
        (2, 2, 0),
        (3, 2, 0),
        (4, 2, 0),
        (5, 2, 0),
    ]


async def test_a_promise_is_kept_until_a_new_time_has_passed(worker_db: Database, api_db: Database) -> None:
    """The same digest is not enough: an email must not be given a time that is over."""
    world = await crowded(worker_db, api_db)
    rebalance = await preview(api_db, world)
    promise = Promise(EVERYONE, as_of=SUNDAY, digest=rebalance.digest)
    other = Promise(EVERYONE, as_of=SUNDAY, digest=b"d" * 32)

    assert rebalance.keeps(promise, now=MONDAY - timedelta(seconds=1))
    assert not rebalance.keeps(promise, now=MONDAY)
    assert not rebalance.keeps(other, now=SUNDAY)


async def test_another_workspace_is_not_seen(worker_db: Database, api_db: Database) -> None:
    """Whatever workspace is asked for: the snapshot shows the one that it entered."""
    world = await crowded(worker_db, api_db)
    async with worker_db.transaction() as conn:
        other_workspace = await make_workspace(conn)

    async with api_db.snapshot(other_workspace) as conn:
        rebalance = await preview_rebalance(conn, world.workspace_id, EVERYONE, now=SUNDAY)

    assert (rebalance.figures().moved, rebalance.figures().unchanged) == (0, 0)
