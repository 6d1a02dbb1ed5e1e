"""The planner and fair shares: a few contacts of a small sequence after many of a big one."""

from datetime import timedelta

from actors.planner import Planner
from actors.recalculator import Recalculator
from domain.recalculations import RecalculationCause
from persistence.database import Database
from tests.support.planning_office import Planned, make_planned
from tests.support.sharing import beside, enroll_crowd, starts
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY, TWO_STEPS

EIGHT = MONDAY - timedelta(hours=1)
A_DAY = timedelta(days=1)


async def plan(world: Planned, clock: StandingClock) -> None:
    await Planner(database=world.database, clock=clock)(None, str(world.workspace_id))


async def test_ten_contacts_after_five_thousand_start_on_the_first_day(worker_db: Database) -> None:
    """Ten of the many are put off to the end, and say why; nobody else moves."""
    big = await make_planned(worker_db)
    small = await beside(big)
    clock = StandingClock(EIGHT)
    await enroll_crowd(big, 5000, at=EIGHT)
    await plan(big, clock)
    before = {email.id: email.send_at for email in await big.emails()}

    await small.enroll(10)
    await plan(small, clock)

    assert await starts(small) == {MONDAY.date(): 10}
    moves, emails = await big.moves(), await big.emails()
    assert [move.cause for move in moves] == ["FAIR_SHARE"] * 10
    assert {move.from_send_at.date() for move in moves} == {MONDAY.date()}
    assert min(move.to_send_at for move in moves) >= max(before.values())
    moved = {email.id for email in emails if before.get(email.id, email.send_at) != email.send_at}
    assert moved == {move.email_id for move in moves}
    displaced = {each.id for each in await big.enrollments() if each.displaced_at == EIGHT}
    assert displaced == {email.enrollment_id for email in emails if email.id in moved}
