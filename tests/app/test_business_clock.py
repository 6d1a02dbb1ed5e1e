"""Business time: one clock for everyone, which runs, or stands until somebody steps it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import ProgrammingError

from app.business_clock import RunningClock, SteppingClock, business_clock_of
from app.settings import Settings
from persistence.database import Database
from tests.support.world import MONDAY

A_MOMENT = timedelta(seconds=5)


async def test_all_readers_see_the_step(worker_db: Database, api_db: Database) -> None:
    """Whatever their role, from the next reading on; the row is the same when it is stepped again."""
    writer, reader = SteppingClock(worker_db), SteppingClock(api_db)

    await writer.step_to(MONDAY)
    first = await reader.now()
    await writer.step_to(MONDAY + timedelta(days=2))

    assert (first, await reader.now()) == (MONDAY, MONDAY + timedelta(days=2))
    assert writer.last_read == reader.last_read == MONDAY + timedelta(days=2)


async def test_a_clock_that_nobody_stepped_runs(worker_db: Database) -> None:
    """Without a row the present is everyone's."""
    clock = SteppingClock(worker_db)

    before = datetime.now(UTC)
    now = await clock.now()

    assert before <= now <= before + A_MOMENT
    assert clock.last_read == now


async def test_what_was_read_last_stays_readable(worker_db: Database) -> None:
    """For those who cannot wait for an answer: the step of another is not known before it is read."""
    mine, other = SteppingClock(worker_db), SteppingClock(worker_db)
    await mine.step_to(MONDAY)

    await other.step_to(MONDAY + timedelta(hours=1))

    assert mine.last_read == MONDAY
    assert await mine.now() == mine.last_read == MONDAY + timedelta(hours=1)


async def test_the_api_cannot_step_the_clock(api_db: Database, worker_db: Database) -> None:
    """Its role may read it only; the present stays."""
    await SteppingClock(worker_db).step_to(MONDAY)

    with pytest.raises(ProgrammingError, match="permission denied for table business_clock"):
        await SteppingClock(api_db).step_to(MONDAY + timedelta(days=1))

    assert await SteppingClock(api_db).now() == MONDAY


async def test_the_settings_choose_the_clock(worker_db: Database) -> None:
    """Running, unless stepping is asked for."""
    stepping = business_clock_of(Settings(business_clock="stepping"), worker_db)
    running = business_clock_of(Settings(business_clock="real"), worker_db)

    await SteppingClock(worker_db).step_to(MONDAY)

    before = datetime.now(UTC)
    assert await stepping.now() == MONDAY
    assert isinstance(running, RunningClock)
    assert before <= await running.now() <= before + A_MOMENT
