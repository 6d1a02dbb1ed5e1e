"""The clock process: one of any number leads and ticks, woken by what is announced."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import psycopg
from sqlalchemy import select
from structlog.testing import capture_logs

from actors.in_process_broker import InProcessBroker
from app.business_clock import RunningClock
from app.clock import keep_time
from app.settings import Settings
from domain.delivery import RETRY_SCHEDULE
from persistence.database import Database, libpq_url, notify
from persistence.tables import clock_leaders
from tests.support.post_office import make_due_emails
from tests.support.world import MONDAY

# So long that nothing in a test happens by the passing of time, or so short that it happens at once.
SELDOM_S, OFTEN_S = 600.0, 0.02


class Ticks:
    """Counts the ticks of one clock, which ends when *stop* is set."""

    def __init__(self) -> None:
        self.number = 0
        self.stop = asyncio.Event()

    def __call__(self, now: datetime) -> None:
        self.number += 1

    async def reach(self, number: int) -> None:
        async with asyncio.timeout(10):
            while self.number < number:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def clock_process(
    database: Database, url: str, *, every_s: float, broker: InProcessBroker | None = None
) -> AsyncIterator[Ticks]:
    """A clock beside the test; the block's end stops it as SIGTERM does."""
    ticks = Ticks()
    broker = broker or InProcessBroker(retry_schedule=RETRY_SCHEDULE, now=lambda: MONDAY)
    settings = Settings(database_url=url)
    keeping = asyncio.create_task(
        keep_time(settings, database, RunningClock(), broker, stop=ticks.stop, on_tick=ticks, every_s=every_s)
    )
    try:
        yield ticks
    finally:
        ticks.stop.set()
        await announce(database)
        async with asyncio.timeout(10):
            await keeping


async def announce(database: Database) -> None:
    async with database.transaction() as conn:
        await notify(conn, "plan")


async def test_what_is_announced_wakes_the_clock(worker_db: Database, database_url: str) -> None:
    """Long before its next tick; and due work is on the dispatcher's queue then."""
    broker = InProcessBroker(retry_schedule=RETRY_SCHEDULE, now=lambda: MONDAY)
    broker.declare_all()
    async with clock_process(worker_db, database_url, every_s=SELDOM_S, broker=broker) as ticks:
        await ticks.reach(1)
        before = broker.depths()["dispatcher"]
        await make_due_emails(worker_db, 1, send_at=datetime.now(MONDAY.tzinfo))
        await announce(worker_db)
        await ticks.reach(2)
        async with asyncio.timeout(10):
            while not broker.depths()["dispatcher"]:
                await asyncio.sleep(0.01)

    assert before == 0


async def test_without_news_the_clock_ticks_on(worker_db: Database, database_url: str) -> None:
    """Again and again."""
    async with clock_process(worker_db, database_url, every_s=OFTEN_S) as ticks:
        await ticks.reach(3)

    assert ticks.number >= 3


async def test_a_burst_of_news_is_one_tick(worker_db: Database, database_url: str) -> None:
    """The tick looks at everything, so what was said together is answered together."""
    async with clock_process(worker_db, database_url, every_s=SELDOM_S) as ticks:
        await ticks.reach(1)
        async with worker_db.transaction() as conn:
            for topic in ("plan", "due", "recalculate", "rescue", "again"):
                await notify(conn, topic)
        await ticks.reach(2)
        await asyncio.sleep(0.1)
        seen = ticks.number

    assert seen == 2


async def test_one_of_two_clocks_leads_until_it_stops(worker_db: Database, database_url: str) -> None:
    """The other stands by without a tick, and takes over under a younger epoch."""
    async with clock_process(worker_db, database_url, every_s=OFTEN_S) as first:
        await first.reach(1)
        async with clock_process(worker_db, database_url, every_s=OFTEN_S) as second:
            await first.reach(4)
            stood_by, epoch = second.number, await epoch_of(worker_db)
            first.stop.set()
            await second.reach(1)
            seen = first.number
            await second.reach(4)

    assert (stood_by, epoch, await epoch_of(worker_db)) == (0, 1, 2)
    assert first.number == seen


async def test_a_clock_waits_out_a_lost_connection(worker_db: Database, database_url: str) -> None:
    """Its session ended: it says so, and leads again."""
    async with clock_process(worker_db, database_url, every_s=OFTEN_S) as ticks:
        await ticks.reach(1)
        with capture_logs() as logs:
            await stop_leader(database_url)
            seen = ticks.number
            await ticks.reach(seen + 3)

    assert {"event": "clock.interrupted", "log_level": "warning", "cause": "LeadershipLost"} in logs
    assert await epoch_of(worker_db) == 2


async def stop_leader(url: str) -> None:
    """End the leader's session, as PostgreSQL does with one that shows no life."""
    async with await psycopg.AsyncConnection.connect(libpq_url(url), autocommit=True) as conn:
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'drumbeat clock leader'"
        )


async def epoch_of(database: Database) -> int:
    async with database.transaction() as conn:
        return int(await conn.scalar(select(clock_leaders.c.epoch)) or 0)
