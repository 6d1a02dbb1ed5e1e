"""The planner and fair shares: a few contacts of a small sequence after many of a big one."""

from datetime import timedelta

from sqlalchemy import select

from actors.planner import Planner
from actors.recalculator import Recalculator
from domain.recalculations import RecalculationCause
from persistence.database import Database
from persistence.tables import enrollments
from tests.support.planning_office import Planned, make_planned
from tests.support.sharing import beside, enroll_crowd, starts
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY, TWO_STEPS

EIGHT = MONDAY - timedelta(hours=1)
TODAY, TOMORROW = MONDAY.date(), (MONDAY + timedelta(days=1)).date()


async def plan(world: Planned, clock: StandingClock) -> None:
    await Planner(database=world.database, clock=clock)(None, str(world.workspace_id))


async def test_ten_contacts_after_five_thousand_start_on_the_first_day(worker_db: Database) -> None:
    """Ten of the many leave on the last day instead, and say why; nobody else moves."""
    big = await make_planned(worker_db)
    small = await beside(big)
    clock = StandingClock(EIGHT)
    await enroll_crowd(big, 5000, at=EIGHT)
    await plan(big, clock)
    before = {email.id: email.send_at for email in await big.emails()}

    await small.enroll(10)
    await plan(small, clock)

    assert await starts(small) == {TODAY: 10}
    moves, emails = await big.moves(), await big.emails()
    assert [move.cause for move in moves] == ["FAIR_SHARE"] * 10
    assert {move.from_send_at.date() for move in moves} == {TODAY}
    assert {move.to_send_at.date() for move in moves} == {max(before.values()).date()}
    moved = {email.id for email in emails if before.get(email.id, email.send_at) != email.send_at}
    assert moved == {move.email_id for move in moves}
    displaced = {each.id for each in await big.enrollments() if each.displaced_at == EIGHT}
    assert displaced == {email.enrollment_id for email in emails if email.id in moved}


async def test_a_contact_gives_way_once(worker_db: Database) -> None:
    """The next ones to come are given places by others, until the day is shared by half."""
    big = await make_planned(worker_db, steps=TWO_STEPS)
    small = await beside(big, steps=TWO_STEPS)
    clock = StandingClock(EIGHT)
    await enroll_crowd(big, 200, at=EIGHT)
    await plan(big, clock)

    for _ in range(2):
        await small.enroll(10)
        await plan(small, clock)

    moves = await big.moves()
    assert len({move.email_id for move in moves}) == len(moves) == 40
    assert (await starts(small))[TODAY] == 15
    assert len([each for each in await big.enrollments() if each.displaced_at == EIGHT]) == 20


async def test_a_recalculation_right_after_moves_nothing(worker_db: Database) -> None:
    """What was promised to newcomers and to those who made place is kept."""
    big = await make_planned(worker_db, steps=TWO_STEPS)
    small = await beside(big, steps=TWO_STEPS, weight=3)
    clock = StandingClock(EIGHT)
    await enroll_crowd(big, 200, at=EIGHT)
    await plan(big, clock)
    await small.enroll(20)
    await plan(small, clock)
    before = await big.times()

    await big.request(RecalculationCause.REBALANCE)
    await Recalculator(database=worker_db, clock=clock)(None, str(big.workspace_id))

    (recalculation,) = await big.recalculations()
    assert (recalculation.status, recalculation.moved) == ("COMPLETED", 0)
    assert recalculation.unchanged == len(before) == 440
    assert await big.times() == before


async def test_a_recalculation_is_as_fair_as_the_planner(worker_db: Database) -> None:
    """It finds newcomers whom the planner has not seen yet, and those who make place are in its scope."""
    big = await make_planned(worker_db)
    small = await beside(big)
    clock = StandingClock(EIGHT)
    await enroll_crowd(big, 100, at=EIGHT)
    await plan(big, clock)
    await small.enroll(5)

    await big.request(RecalculationCause.REBALANCE)
    await Recalculator(database=worker_db, clock=clock)(None, str(big.workspace_id))

    assert await starts(small) == {TODAY: 5}
    assert [move.cause for move in await big.moves()] == ["FAIR_SHARE"] * 5
    assert len([each for each in await big.enrollments() if each.displaced_at == EIGHT]) == 5


async def test_crowds_enrolled_at_once_share_each_day_by_weight(worker_db: Database) -> None:
    """In one turn, two of three places are those of the sequence with weight two; nobody is moved."""
    one = await make_planned(worker_db)
    other = await beside(one, weight=2)
    await enroll_crowd(one, 60, at=EIGHT)
    await enroll_crowd(other, 60, at=EIGHT + timedelta(minutes=1))

    await plan(one, StandingClock(EIGHT + timedelta(minutes=2)))

    assert [(await starts(each))[TODAY] for each in (one, other)] == [10, 20]
    assert [(await starts(each))[TOMORROW] for each in (one, other)] == [10, 20]
    assert await one.moves() == []


async def test_a_sequence_of_the_same_size_waits_for_its_turn(worker_db: Database) -> None:
    """Only those who wait with more contacts give way."""
    one = await make_planned(worker_db)
    other = await beside(one)
    clock = StandingClock(EIGHT)
    await one.enroll(30)
    await plan(one, clock)

    await other.enroll(30)
    await plan(other, clock)

    assert await one.moves() == []
    assert await starts(other) == {TOMORROW: 30}


async def test_who_is_being_changed_stays(worker_db: Database) -> None:
    """The planner waits for nobody: enrollments that someone holds do not give way, others do."""
    big = await make_planned(worker_db)
    small = await beside(big)
    clock = StandingClock(EIGHT)
    await enroll_crowd(big, 90, at=EIGHT)
    await plan(big, clock)
    await small.enroll(5)

    async with worker_db.transaction() as conn:
        held = select(enrollments.c.id).where(enrollments.c.sequence_id == big.sequence_id)
        await conn.execute(held.with_for_update())
        await plan(small, clock)

    assert await big.moves() == []
    assert sum((await starts(small)).values()) == 5


async def test_started_contacts_stay(worker_db: Database) -> None:
    """Whoever has an email that left the plan keeps its follow-ups; so does one who is on hold."""
    big = await make_planned(worker_db, steps=TWO_STEPS)
    small = await beside(big)
    clock = StandingClock(EIGHT)
    await enroll_crowd(big, 60, at=EIGHT)
    await plan(big, clock)
    await big.execute(
        "UPDATE scheduled_emails SET status = 'QUEUED', lease_until = now() WHERE send_day = :day", day=TODAY
    )
    await big.execute(
        "UPDATE enrollments SET status = 'PAUSED' WHERE next_send_at::date = :day", day=TOMORROW
    )

    await small.enroll(5)
    await plan(small, clock)

    assert await big.moves() == []
