"""A recalculation that takes several turns: seen while it runs, interrupted by planner and SIGKILL."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from actors.planner import Planner
from actors.recalculator import Recalculator
from domain.ids import EmailId
from domain.plan import Plan
from domain.plan_changes import first_part
from domain.recalculations import RecalculationCause
from persistence.database import Database
from persistence.rebalance_preview import draft_rebalance
from persistence.replan_scopes import ReplanRequest, replan_scope
from tests.support.planning_office import Planned
from tests.support.recalculating import SUNDAY, figures, planned
from tests.support.standing_clock import StandingClock

TURN = 10


async def overfull(worker_db: Database) -> Planned:
    """Sixty contacts on two days of thirty, of which only ten may leave now: forty have to move."""
    world = await planned(worker_db, 60)
    await world.execute("UPDATE mailboxes SET daily_capacity = 10")
    await world.request(RecalculationCause.CAPACITY_CHANGED, mailbox_id=world.mailbox_ids[0])
    return world


async def take_turn(world: Planned, *, turn: int = TURN) -> Any:
    """One message to the recalculator; how the recalculation looks from outside afterwards."""
    recalculator = Recalculator(database=world.database, clock=StandingClock(SUNDAY), turn=turn)
    await recalculator(None, str(world.workspace_id))
    (request,) = await world.recalculations()
    return request


async def draft(world: Planned) -> Plan:
    """What a recalculation would make of the state as it is."""
    async with world.database.transaction() as conn:
        cause = RecalculationCause.CAPACITY_CHANGED
        request = ReplanRequest.after(cause, sequence_id=None, mailbox_id=world.mailbox_ids[0])
        scope = await replan_scope(conn, world.workspace_id, [request], lock=False)
        return (await draft_rebalance(conn, world.workspace_id, scope, now=SUNDAY)).plan


def changed(plan: Plan) -> list[EmailId]:
    emails = (email for each in plan.itineraries for email in each.emails if not email.is_unchanged)
    return [email.leg.email_id for email in emails if email.leg.email_id is not None]


async def test_each_turn_changes_so_many_emails_and_shows_how_far_it_is(worker_db: Database) -> None:
    """Forty in turns of ten; the figures of the whole are those of a single turn."""
    world = await overfull(worker_db)

    shown = [await take_turn(world) for _ in range(4)]

    assert [(each.status, each.total, each.moved) for each in shown] == [
        ("RUNNING", 60, 10),
        ("RUNNING", 60, 20),
        ("RUNNING", 60, 30),
        ("COMPLETED", 60, 40),
    ]
    assert [each.done for each in shown] == sorted({each.done for each in shown})
    assert figures(shown[-1]) == ("COMPLETED", 60, 60, 40, 20, 0, 0)
    assert Counter(at.date() for at in await world.times()).most_common(1)[0][1] == 10
    delays = sorted((move.to_send_at - move.from_send_at).total_seconds() for move in await world.moves())
    assert shown[-1].max_delay_s == delays[-1]
    assert shown[-1].median_delay_s == round((delays[19] + delays[20]) / 2)


async def test_new_contacts_are_planned_between_two_turns(worker_db: Database) -> None:
    """The lock is free, their times are theirs, and no day is too full in the end."""
    world = await overfull(worker_db)

    await take_turn(world)
    joined = await world.enroll(5)
    await Planner(database=worker_db, clock=StandingClock(SUNDAY))(None, str(world.workspace_id))
    between = {
        each.enrollment_id: each.send_at for each in await world.emails() if each.enrollment_id in joined
    }
    finished = [await take_turn(world) for _ in range(4)][-1]

    after = {each.enrollment_id: each.send_at for each in await world.emails()}
    assert finished.status == "COMPLETED"
    assert len(between) == 5
    assert None not in between.values()
    assert {each: after[each] for each in joined} == between
    assert max(Counter(at.date() for at in after.values()).values()) == 10


async def test_a_night_is_carried_out_as_a_whole(worker_db: Database) -> None:
    """However many emails it moves: each turn of several would allow two moves for each free place anew."""
    world = await planned(worker_db, 60, mailbox={"daily_capacity": 10})
    monday = [email.enrollment_id for email in (await world.emails())[:10]]
    for table, column in (("enrollments", "id"), ("scheduled_emails", "enrollment_id")):
        await world.execute(f"UPDATE {table} SET status = 'CANCELLED' WHERE {column} = ANY(:ids)", ids=monday)
    await world.request(RecalculationCause.NIGHTLY)

    request = await take_turn(world, turn=1)

    assert (request.status, request.moved) == ("COMPLETED", 20)
    assert {move.cause for move in await world.moves()} == {"EARLIER"}


@pytest.mark.processes
async def test_one_that_was_killed_half_way_ends_as_a_fresh_plan_would(
    worker_db: Database, database_url: str
) -> None:
    """SIGKILL in the middle of its second turn: the first stays, the second leaves no trace, it goes on."""
    world = await overfull(worker_db)
    whole = await draft(world)
    of_first_turn = changed(first_part(whole, most=TURN))
    of_second_turn = next(each for each in changed(whole) if each not in of_first_turn)

    async with holding(worker_db, of_second_turn):
        of_what = (database_url, str(world.workspace_id), str(TURN))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.recalculating_process", *of_what
        )
        try:
            await until_someone_waits(worker_db)
            (running,) = await world.recalculations()
        finally:
            process.kill()
            await process.wait()
    await until_nobody_plans(worker_db)
    found = await draft(world)
    (killed,) = await world.recalculations()
    finished = await take_turn(world, turn=1_000)

    assert (running.status, running.total, running.moved) == ("RUNNING", 60, 10)
    assert figures(killed) == figures(running)
    assert len(changed(found)) == 30
    assert figures(finished) == ("COMPLETED", 60, 60, 40, 20, 0, 0)
    assert {email.id: email.send_at for email in await world.emails()} == {
        email.leg.email_id: email.slot.send_at
        for each in found.itineraries
        for email in each.emails
        if email.slot is not None
    }


@asynccontextmanager
async def holding(database: Database, email_id: EmailId) -> AsyncIterator[None]:
    """Lock one email, so that whoever wants to move it waits."""
    async with database.transaction() as conn:
        await conn.execute(text("SELECT FROM scheduled_emails WHERE id = :id FOR UPDATE"), {"id": email_id})
        yield


async def until_someone_waits(database: Database) -> None:
    """In this database: other tests share its server."""
    await _until(
        database,
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity AS a USING (pid)"
        " WHERE NOT granted AND a.datname = current_database())",
    )


async def until_nobody_plans(database: Database) -> None:
    """PostgreSQL ends the session of a killed process when its statement is over."""
    await _until(
        database,
        "SELECT NOT EXISTS (SELECT FROM pg_locks JOIN pg_database AS d ON d.oid = pg_locks.database"
        " WHERE locktype = 'advisory' AND d.datname = current_database())",
    )


async def _until(database: Database, question: str) -> None:
    async with asyncio.timeout(30):
        while True:
            async with database.transaction() as conn:
                if await conn.scalar(text(question)):
                    return
            await asyncio.sleep(0.05)
