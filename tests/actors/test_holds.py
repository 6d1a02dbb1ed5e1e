"""Holds: a pause without time changes nothing, and nothing that was held comes out in a burst."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from actors.recalculator import Recalculator
from domain.ids import EnrollmentId
from domain.lifecycle import SequenceEvent
from domain.recalculations import RecalculationCause
from persistence.database import Database
from persistence.enrollment_moves import pause_enrollment, resume_enrollment
from persistence.sending_pauses import pause_sending, resume_sending
from persistence.sequences import move_sequence
from tests.support.planning_office import Planned
from tests.support.recalculating import SUNDAY, figures, pause_first, planned, recalculate
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY, TWO_STEPS


async def test_an_enrollment_that_was_paused_for_no_time_keeps_its_times(worker_db: Database) -> None:
    """It is looked at anew, between the others, and nothing moves."""
    world = await planned(worker_db, 5, steps=TWO_STEPS)
    before = await world.times()
    held = EnrollmentId((await world.enrollments())[2].id)

    async with worker_db.transaction() as conn:
        await pause_enrollment(conn, world.workspace_id, held, now=SUNDAY)
    async with worker_db.transaction() as conn:
        await resume_enrollment(conn, world.workspace_id, held, now=SUNDAY)
    await _request_for(world, held)
    await recalculate(world)

    assert await world.times() == before
    assert await world.moves() == []


async def test_the_recalculation_of_a_resumed_enrollment_is_its_own(worker_db: Database) -> None:
    """Two days on hold put off its two emails; of nobody else it even looks at the times."""
    world = await planned(worker_db, 5, steps=((2, "Hello", "Hello"), (2, "Again", "Hello")))
    before = await world.times()
    held = EnrollmentId((await world.enrollments())[2].id)

    async with worker_db.transaction() as conn:
        await pause_enrollment(conn, world.workspace_id, held, now=SUNDAY)
        await resume_enrollment(conn, world.workspace_id, held, now=SUNDAY + timedelta(days=2))
    await _request_for(world, held)
    await recalculate(world)

    (request,) = await world.recalculations()
    moves = await world.moves()
    assert figures(request) == ("COMPLETED", 2, 2, 2, 0, 0, 0)
    # From Wednesday to Friday, and from Friday over the weekend to Monday.
    wednesday = MONDAY.date() + timedelta(days=2)
    assert [(move.from_send_at.date() - wednesday).days for move in moves] == [0, 2]
    assert [(move.to_send_at.date() - wednesday).days for move in moves] == [2, 5]
    assert {move.cause for move in moves} == {"WAIT_CHANGED"}
    assert len(set(before) - set(await world.times())) == 2


async def _request_for(world: Planned, held: EnrollmentId) -> None:
    await world.request(
        RecalculationCause.ENROLLMENT_RESUMED,
        sequence_id=world.sequence_id,
        details={"enrollment_id": str(held)},
    )


async def test_a_mailbox_that_was_paused_for_no_time_keeps_its_times(worker_db: Database) -> None:
    """Its emails wait for it: neither the pause nor the return moves one."""
    world = await planned(worker_db, 4, steps=TWO_STEPS, mailboxes=2)
    before = await world.times()

    await pause_first(world)
    await recalculate(world)
    await world.execute("UPDATE mailboxes SET status = 'ACTIVE'")
    await world.request(RecalculationCause.MAILBOX_RESUMED, mailbox_id=world.mailbox_ids[0])
    await recalculate(world)

    assert await world.times() == before
    assert await world.moves() == []


@pytest.mark.parametrize("what", ["sequence", "everything"])
async def test_what_was_paused_for_no_time_keeps_its_times(
    worker_db: Database, api_db: Database, what: str
) -> None:
    """One sequence, or all sending: neither the pause nor going on moves an email."""
    world = await planned(worker_db, 4, steps=TWO_STEPS, mailboxes=2)
    before = await world.times()

    await _pause(api_db, world, what)
    await world.request(RecalculationCause.REBALANCE)
    await recalculate(world)
    await _resume(api_db, world, what, now=SUNDAY)
    await recalculate(world)

    assert await world.times() == before
    assert await world.moves() == []


@pytest.mark.parametrize("what", ["sequence", "everything"])
async def test_nothing_moves_while_nothing_is_sent(worker_db: Database, api_db: Database, what: str) -> None:
    """Not by a night, nor by a replan, though times pass; afterwards a day holds thirty as ever."""
    world = await planned(worker_db, 60)
    before = await world.times()
    await _pause(api_db, world, what)
    wednesday = StandingClock(MONDAY + timedelta(days=2, hours=-1))

    for cause in (RecalculationCause.NIGHTLY, RecalculationCause.REBALANCE):
        await world.request(cause)
        await Recalculator(database=worker_db, clock=wednesday)(None, str(world.workspace_id))
    during, moves = await world.times(), await world.moves()
    await _resume(api_db, world, what, now=wednesday.present)
    await Recalculator(database=worker_db, clock=wednesday)(None, str(world.workspace_id))

    days = Counter(at.date() - MONDAY.date() for at in await world.times())
    assert (during, moves) == (before, [])
    assert days == {timedelta(days=2): 30, timedelta(days=3): 30}
    assert {move.cause for move in await world.moves()} == {"LATE"}


async def _pause(api_db: Database, world: Planned, what: str) -> None:
    async with api_db.transaction(world.workspace_id) as conn:
        if what == "sequence":
            event = SequenceEvent.PAUSE
            await move_sequence(conn, world.workspace_id, world.sequence_id, event=event, now=SUNDAY)
        else:
            await pause_sending(conn, world.workspace_id, now=SUNDAY)


async def _resume(api_db: Database, world: Planned, what: str, *, now: datetime) -> None:
    async with api_db.transaction(world.workspace_id) as conn:
        if what == "sequence":
            event = SequenceEvent.RESUME
            await move_sequence(conn, world.workspace_id, world.sequence_id, event=event, now=now)
        else:
            await resume_sending(conn, world.workspace_id, now=now)
    if what == "sequence":
        await world.request(RecalculationCause.SEQUENCE_RESUMED, sequence_id=world.sequence_id)
    else:
        await world.request(RecalculationCause.SENDING_RESUMED)


async def test_after_a_week_on_hold_the_mailbox_sends_as_on_any_day(worker_db: Database) -> None:
    """Sixty emails of last Monday and Tuesday leave thirty a day, sixteen minutes apart."""
    world = await planned(worker_db, 60)
    await pause_first(world)
    await recalculate(world)
    now = MONDAY + timedelta(days=7, hours=-1)

    await world.execute("UPDATE mailboxes SET status = 'ACTIVE'")
    await world.request(RecalculationCause.MAILBOX_RESUMED, mailbox_id=world.mailbox_ids[0])
    await Recalculator(database=worker_db, clock=StandingClock(now))(None, str(world.workspace_id))

    times = await world.times()
    tuesday = (MONDAY + timedelta(days=8)).date()
    assert Counter(at.date() for at in times) == {(MONDAY + timedelta(days=7)).date(): 30, tuesday: 30}
    assert min(later - earlier for earlier, later in pairwise(times)) == timedelta(minutes=16)
    assert {move.cause for move in await world.moves()} == {"LATE"}
