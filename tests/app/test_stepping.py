"""Stepping: business time jumps to what is due next, and only when nothing is on its way."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from app.business_clock import SteppingClock
from app.stepping import Stepper, StillRestless
from domain.recalculations import RecalculationCause
from persistence.database import Database, listen
from persistence.tables import enrollments, mailboxes, scheduled_emails, sequences
from tests.support.planning_office import make_planned
from tests.support.post_office import make_due_emails
from tests.support.world import MONDAY

HOUR = timedelta(hours=1)
IMPATIENT_S = 0.1


async def stepper_at(database: Database, present: Any = MONDAY, *, patience_s: float = 10) -> Stepper:
    clock = SteppingClock(database)
    await clock.step_to(present)
    return Stepper(database, clock, patience_s=patience_s)


async def test_a_step_leads_to_what_is_due_next(
    worker_db: Database, api_db: Database, database_url: str
) -> None:
    """Of a retry and two emails the soonest; everyone reads the new present and hears of it."""
    await make_due_emails(worker_db, 1, send_at=MONDAY + 3 * HOUR)
    await make_due_emails(worker_db, 1, send_at=MONDAY + 2 * HOUR)
    await make_due_emails(worker_db, 1, status="RETRYING", retry_at=MONDAY + HOUR)
    stepper = await stepper_at(worker_db)

    async with listen(database_url) as listener:
        due = await stepper.step()
        heard = await listener.next(timeout_s=5)

    assert (due, await SteppingClock(api_db).now()) == (MONDAY + HOUR, MONDAY + HOUR)
    assert heard == "due"


async def test_what_was_given_back_is_due_when_its_mailboxs_gap_is_over(worker_db: Database) -> None:
    """Nobody takes it up before, so to wait for that at this instant would be to wait for ever."""
    due = await make_due_emails(worker_db, 1, send_at=MONDAY)
    async with worker_db.transaction() as conn:
        mailbox_id = select(scheduled_emails.c.mailbox_id).where(scheduled_emails.c.id == due[0])
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(
            update(mailboxes)
            .where(mailboxes.c.id == mailbox_id.scalar_subquery())
            .values(next_allowed_at=MONDAY + HOUR)
        )
    stepper = await stepper_at(worker_db, patience_s=IMPATIENT_S)

    assert await stepper.step() == MONDAY + HOUR


async def test_with_nothing_left_there_is_no_step(worker_db: Database) -> None:
    """What was sent is not due any more; the clock stands."""
    await make_due_emails(worker_db, 1, status="SENT", sent_at=MONDAY)
    stepper = await stepper_at(worker_db)

    assert await stepper.step() is None
    assert await SteppingClock(worker_db).now() == MONDAY


@pytest.mark.parametrize(
    "email",
    [
        {"status": "QUEUED"},
        {"status": "SENDING"},
        {"status": "COMMITTING"},
        {"status": "PENDING"},
        {"status": "RETRYING", "retry_at": MONDAY},
    ],
    ids=lambda email: email["status"],
)
async def test_an_email_on_its_way_is_waited_for(worker_db: Database, email: dict[str, Any]) -> None:
    """Claimed or due, time stands until it is settled, and then goes on."""
    await make_due_emails(worker_db, 1, **email)
    await make_due_emails(worker_db, 1, send_at=MONDAY + HOUR)
    stepper = await stepper_at(worker_db)

    stepping = asyncio.create_task(stepper.step())
    await asyncio.sleep(IMPATIENT_S)
    present, waits = await SteppingClock(worker_db).now(), not stepping.done()
    async with worker_db.transaction() as conn:
        await conn.execute(
            update(scheduled_emails)
            .where(scheduled_emails.c.send_at == MONDAY)
            .values(status="SENT", sent_at=MONDAY)
        )

    assert (present, waits) == (MONDAY, True)
    assert await stepping == MONDAY + HOUR


async def test_nobody_waits_for_ever(worker_db: Database) -> None:
    """What stays on its way is a fault, told with the instant at which it happened."""
    await make_due_emails(worker_db, 1, status="QUEUED")
    stepper = await stepper_at(worker_db, patience_s=IMPATIENT_S)

    with pytest.raises(StillRestless, match="after 0 s at 2026-03-02T09:00:00"):
        await stepper.settle()

    assert await SteppingClock(worker_db).now() == MONDAY


async def test_planner_and_recalculator_are_waited_for(worker_db: Database) -> None:
    """An enrollment without a plan and an open recalculation keep the time from passing."""
    world = await make_planned(worker_db)
    stepper = await stepper_at(worker_db, patience_s=IMPATIENT_S)
    quiet = await stepper.settle()

    await world.request(RecalculationCause.REBALANCE)
    with pytest.raises(StillRestless):
        await stepper.settle()
    await world.execute("UPDATE recalculations SET status = 'COMPLETED'")
    await world.enroll(1)
    with pytest.raises(StillRestless):
        await stepper.settle()

    assert quiet is None


@pytest.mark.parametrize("table", [mailboxes, sequences, enrollments], ids=str)
async def test_what_is_paused_keeps_nobody_waiting(worker_db: Database, table: Any) -> None:
    """A due email that cannot leave is no work and not due: the next one is."""
    await make_due_emails(worker_db, 1)
    async with worker_db.transaction() as conn:
        await conn.execute(update(table).values(status="PAUSED"))
    await make_due_emails(worker_db, 1, send_at=MONDAY + HOUR)
    stepper = await stepper_at(worker_db, patience_s=IMPATIENT_S)

    assert await stepper.settle() == MONDAY + HOUR


async def test_what_has_no_slot_is_never_due(worker_db: Database) -> None:
    """It waits for a change, not for a time."""
    await make_due_emails(worker_db, 1, send_at=MONDAY)
    async with worker_db.transaction() as conn:
        await conn.execute(
            text("UPDATE scheduled_emails SET send_at = NULL, unplaced_reason = 'NO_CAPACITY'")
        )
    stepper = await stepper_at(worker_db, patience_s=IMPATIENT_S)

    assert await stepper.step() is None
