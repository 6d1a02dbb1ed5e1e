"""The recalculator cut off, overtaken, locked out or failing: no request is lost, none is done twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from typing_extensions import override

from actors.planner import Planner
from actors.recalculator import Recalculator
from domain.plan import TakenDay
from domain.recalculations import RecalculationCause
from persistence import replanning
from persistence.claims import Claimed, claim_due
from persistence.database import Database
from persistence.plan_lock import try_plan_lock
from persistence.taken_slots import taken_slots
from tests.support.planning_office import make_planned
from tests.support.recalculating import SUNDAY, figures, pause_first, planned, recalculate
from tests.support.standing_clock import StandingClock
from tests.support.unsteady_database import UnsteadyDatabase


async def test_a_recalculation_that_was_cut_off_is_resumed(worker_db: Database) -> None:
    """RUNNING without anyone running it is carried out like a new one."""
    world = await planned(worker_db, 2, mailboxes=2, when_mailbox_paused="TRANSFER")
    await pause_first(world)
    await world.execute("UPDATE recalculations SET status = 'RUNNING', started_at = requested_at")

    await recalculate(world)

    (request,) = await world.recalculations()
    assert figures(request) == ("COMPLETED", 1, 1, 1, 0, 0, 0)


async def test_requests_that_wait_are_carried_out_together(worker_db: Database) -> None:
    """One replan for the pause and the window: both show its figures, and the moves name the first."""
    world = await planned(worker_db, 2, mailboxes=2, when_mailbox_paused="TRANSFER")
    await pause_first(world)
    await world.request(RecalculationCause.WINDOW_CHANGED, sequence_id=world.sequence_id)

    await recalculate(world)

    pause, window = await world.recalculations()
    assert (pause.cause, pause.part_of_id) == ("MAILBOX_PAUSED", None)
    assert (window.cause, window.part_of_id) == ("WINDOW_CHANGED", pause.id)
    assert figures(pause) == figures(window) == ("COMPLETED", 2, 2, 1, 1, 0, 0)
    assert [move.recalculation_id for move in await world.moves()] == [pause.id]


async def test_each_request_of_several_has_its_own_say(worker_db: Database) -> None:
    """A raised capacity lets its contacts gain; whose window alone changed stays where it is."""
    world = await planned(worker_db, 6, mailbox={"daily_capacity": 2})
    other = await make_planned(worker_db, workspace_id=world.workspace_id, mailbox={"daily_capacity": 2})
    await other.enroll(6)
    await Planner(database=worker_db, clock=StandingClock(SUNDAY))(None, str(world.workspace_id))
    await world.execute("UPDATE mailboxes SET daily_capacity = 30")
    await world.request(RecalculationCause.STEPS_CHANGED, sequence_id=world.sequence_id)
    await world.request(RecalculationCause.WINDOW_CHANGED, sequence_id=other.sequence_id)

    await recalculate(world)

    gained = [move for move in await world.moves() if move.cause == "EARLIER"]
    emails = {email.id: email.sequence_id for email in await world.emails()}
    assert {emails[move.email_id] for move in gained} == {world.sequence_id}
    assert len(gained) == len(await world.moves()) == 2


async def test_two_recalculators_leave_the_figures_of_the_first(worker_db: Database) -> None:
    """One that another overtakes between beginning and carrying out finds nothing left to do."""
    world = await planned(worker_db, 2, mailboxes=2, when_mailbox_paused="TRANSFER")
    await pause_first(world)

    class Overtaken(StandingClock):
        readings = 0

        @override
        async def now(self) -> datetime:
            self.readings += 1
            if self.readings == 2:  # the request is begun, and not yet carried out
                await recalculate(world)
            return SUNDAY

    await Recalculator(database=worker_db, clock=Overtaken())(None, str(world.workspace_id))

    (request,) = await world.recalculations()
    assert figures(request) == ("COMPLETED", 1, 1, 1, 0, 0, 0)
    assert len(await world.moves()) == 1


async def test_what_is_claimed_while_a_plan_is_made_takes_its_place_once(
    worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken up after its enrollment was read, it does not push the last one out of a full day."""
    world = await planned(worker_db, 3, mailbox={"daily_capacity": 3}, max_new_contacts_per_day=3)
    before = await world.times()
    now = before[0]
    claimed: list[Claimed] = []

    async def overtaken(*args: Any, **scope: Any) -> list[TakenDay]:
        async with worker_db.transaction() as conn:
            found = await claim_due(conn, now=now, limit=1, most_queued=1, lease=timedelta(minutes=1))
            claimed.extend(found.emails)
        return await taken_slots(*args, **scope)

    monkeypatch.setattr(replanning, "taken_slots", overtaken)
    await world.request(RecalculationCause.NIGHTLY)

    await Recalculator(database=worker_db, clock=StandingClock(now))(None, str(world.workspace_id))

    (request,) = await world.recalculations()
    assert (len(claimed), request.status) == (1, "COMPLETED")
    assert await world.moves() == []
    assert await world.times() == before


async def test_a_locked_plan_leaves_the_request_open(worker_db: Database) -> None:
    """While a planner is at it nothing begins; the clock asks again."""
    world = await planned(worker_db, 1)
    await world.request(RecalculationCause.REBALANCE)

    async with worker_db.transaction() as holder:
        assert await try_plan_lock(holder, world.workspace_id)
        await recalculate(world)

    assert [each.status for each in await world.recalculations()] == ["PENDING"]


async def test_a_failure_is_told_and_not_repeated(worker_db: Database) -> None:
    """FAILED with what it was; nothing moved, and the next request has its turn."""
    world = await planned(worker_db, 1)
    before = await world.times()
    await world.execute("UPDATE sequences SET zone = 'Nowhere/Land'")
    await world.request(RecalculationCause.WINDOW_CHANGED, sequence_id=world.sequence_id)

    with pytest.raises(KeyError, match="Nowhere/Land"):
        await recalculate(world)
    await recalculate(world)

    assert [(each.status, each.error) for each in await world.recalculations()] == [
        ("FAILED", "ZoneInfoNotFoundError")
    ]
    assert await world.times() == before


async def test_an_outage_fails_no_request(worker_db: Database) -> None:
    """A database that goes away half-way leaves it RUNNING, to be taken up again."""
    world = await planned(worker_db, 2, mailboxes=2, when_mailbox_paused="TRANSFER")
    await pause_first(world)
    unsteady = UnsteadyDatabase(worker_db)
    unsteady.fail_next(1, after=1)

    with pytest.raises(OperationalError):
        await recalculate(world, database=unsteady)
    cut_off = await world.recalculations()
    await recalculate(world, database=unsteady)

    assert [each.status for each in cut_off] == ["RUNNING"]
    assert [each.status for each in await world.recalculations()] == ["COMPLETED"]
    assert len(await world.moves()) == 1
