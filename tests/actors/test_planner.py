"""The planner: enrollments that wait get their slots, one workspace and one planner at a time."""

from datetime import timedelta

from sqlalchemy import select
from structlog.testing import capture_logs

from actors.planner import Planner
from persistence.database import Database, listen
from persistence.dispatches import trigger
from persistence.plan_lock import try_plan_lock
from persistence.tables import dispatches
from tests.support.planning_office import ONE_STEP, make_planned
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY, TWO_STEPS

EIGHT = MONDAY - timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SLOT = timedelta(minutes=16)


async def test_enrollments_are_placed_within_one_message(worker_db: Database, database_url: str) -> None:
    """Thirty a day are one every sixteen minutes, the follow-ups two days later; all bound and announced."""
    world = await make_planned(worker_db, steps=TWO_STEPS)
    await world.enroll(30)
    planner = Planner(database=worker_db, clock=StandingClock(EIGHT))

    async with listen(database_url) as listener:
        with capture_logs() as logs:
            await planner(None, str(world.workspace_id))
        heard = await listener.next(timeout_s=5)

    days = [[MONDAY + days * timedelta(days=1) + slot * SLOT for slot in range(30)] for days in (0, 2)]
    assert await world.times() == [*days[0], *days[1]]
    assert {email.mailbox_id for email in await world.emails()} == set(world.mailbox_ids)
    enrollments = await world.enrollments()
    assert {(each.planned_at, each.mailbox_id) for each in enrollments} == {(EIGHT, world.mailbox_ids[0])}
    assert sorted(each.next_send_at for each in enrollments) == days[0]
    assert heard == "due"
    assert [(log["event"], log["count"], log["placed"], log["moved"]) for log in logs] == [
        ("enrollments.planned", 30, 60, 0)
    ]


async def test_a_message_plans_turn_by_turn(worker_db: Database) -> None:
    """A crowd is planned in several transactions, and the message ends when nobody waits."""
    world = await make_planned(worker_db)
    await world.enroll(5)
    planner = Planner(database=worker_db, clock=StandingClock(EIGHT), turn=2)

    with capture_logs() as logs:
        await planner(None, str(world.workspace_id))

    assert [log["count"] for log in logs] == [2, 2, 1]
    assert len(await world.emails()) == 5


async def test_a_second_planner_ends_at_once(worker_db: Database) -> None:
    """While the workspace's plan is held nothing is planned; its trigger counts as processed."""
    world = await make_planned(worker_db)
    await world.enroll(1)
    planner = Planner(database=worker_db, clock=StandingClock(EIGHT))
    async with worker_db.transaction() as conn:
        dispatch_id = await trigger(conn, "planner", workspace_id=world.workspace_id)

    async with worker_db.transaction() as holder:
        assert await try_plan_lock(holder, world.workspace_id)
        await planner(str(dispatch_id), str(world.workspace_id))
        seen_meanwhile = await world.emails()
    await planner(None, str(world.workspace_id))

    assert seen_meanwhile == []
    assert await world.times() == [MONDAY]
    async with worker_db.transaction() as conn:
        row = (await conn.execute(select(dispatches))).one()
    assert row.taken_at <= row.processed_at


async def test_another_workspace_is_left_alone(worker_db: Database) -> None:
    """A message is about one workspace."""
    world, other = await make_planned(worker_db), await make_planned(worker_db)
    await other.enroll(1)

    await Planner(database=worker_db, clock=StandingClock(EIGHT))(None, str(world.workspace_id))

    assert await other.emails() == []


async def test_what_an_outage_left_behind_gets_a_new_slot(worker_db: Database) -> None:
    """More than ten minutes late it moves, with its cause; up to then the dispatcher may still take it."""
    world = await make_planned(worker_db)
    await world.enroll(2)
    clock = StandingClock(EIGHT)
    planner = Planner(database=worker_db, clock=clock)
    await planner(None, str(world.workspace_id))
    first, second = await world.times()

    clock.present = first + 10 * MINUTE
    await planner(None, str(world.workspace_id))
    (move,) = await world.moves()
    times = await world.times()

    assert (move.cause, move.from_send_at) == ("LATE", first)
    assert move.to_send_at > clock.present
    assert times == sorted([second, move.to_send_at])


async def test_what_is_not_late_keeps_its_slot(worker_db: Database) -> None:
    """A moment before, nothing moves and nothing is planned again."""
    world = await make_planned(worker_db)
    await world.enroll(1)
    clock = StandingClock(EIGHT)
    planner = Planner(database=worker_db, clock=clock)
    await planner(None, str(world.workspace_id))

    clock.present = MONDAY + 10 * MINUTE - timedelta(seconds=1)
    with capture_logs() as logs:
        await planner(None, str(world.workspace_id))

    assert (logs, await world.moves(), await world.times()) == ([], [], [MONDAY])


async def test_what_planning_does_not_help_is_given_up(worker_db: Database) -> None:
    """Who still waits after a second turn does not keep the planner busy until its time limit."""
    world = await make_planned(worker_db, steps=ONE_STEP, status="ARCHIVED")
    await world.enroll(1)

    with capture_logs() as logs:
        await Planner(database=worker_db, clock=StandingClock(EIGHT))(None, str(world.workspace_id))

    assert [log["event"] for log in logs] == ["enrollments.planned", "enrollments.planned"]
    assert await world.emails() == []
