"""The clock process: stands by, leads when nobody does, and ticks while it leads."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Any

import psycopg
import structlog
from prometheus_client import REGISTRY
from sqlalchemy.exc import DBAPIError

from actors.broker import rabbitmq_broker
from actors.lookout import Lookout
from actors.publisher import MessageStore, Publisher
from actors.timekeeper import Timekeeper
from app.business_clock import BusinessClock, business_clock_of
from app.clock_measures import LAST_TICK, LEADS, SET_OFF, TICK_SECONDS
from app.metrics_server import metrics_server
from app.settings import Settings
from app.workshop import grace_of
from persistence.database import Database, Role, listen, open_database
from persistence.leadership import Leader, LeadershipLost, lead

log = structlog.get_logger(__name__)

TICK_S = 1.0


def run_clock(settings: Settings) -> None:
    """Keep time until SIGTERM or SIGINT, and tell of it where a port is set."""
    told = metrics_server(settings, port=settings.clock_metrics_port, registry=REGISTRY)
    with told if settings.clock_metrics_port else contextlib.nullcontext():
        asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    database = open_database(settings.database_url, Role.WORKER, pool_size=2)
    broker = rabbitmq_broker(settings.amqp_url, retry_schedule=settings.retry_schedule)
    try:
        await keep_time(settings, database, business_clock_of(settings, database), broker, stop=stop)
    finally:
        await database.aclose()


async def keep_time(
    settings: Settings,
    database: Database,
    clock: BusinessClock,
    broker: MessageStore,
    *,
    stop: asyncio.Event,
    on_tick: Callable[[datetime], object] = lambda now: None,
    every_s: float = TICK_S,
) -> None:
    """
    Stand by and lead by turns until *stop* is set; lost connections are waited out.

    A leader ticks *every_s* seconds, and at once when a change is announced.
    """
    publisher = Publisher(broker)
    timekeeper = Timekeeper(
        database=database, publisher=publisher, clock=clock, grace=grace_of(settings), on_tick=on_tick
    )
    lookout = Lookout(database=database, publisher=publisher, clock=clock, bounds=settings.alert_bounds)
    try:
        while not stop.is_set():
            try:
                async with lead(settings.database_url) as leader:
                    if leader is not None:
                        async with _beside(lookout.keep_looking(leader)):
                            LEADS.set(1)
                            await _lead(settings.database_url, timekeeper, leader, stop, every_s)
            except (LeadershipLost, psycopg.Error, DBAPIError, OSError) as lost:
                log.warning("clock.interrupted", cause=type(lost).__name__)
            finally:
                LEADS.set(0)
            await _pause(stop, every_s)
    finally:
        await publisher.close()


async def _lead(
    url: str, timekeeper: Timekeeper, leader: Leader, stop: asyncio.Event, every_s: float
) -> None:
    log.info("clock.leads", epoch=leader.epoch)
    async with listen(url) as listener:
        while not stop.is_set():
            with TICK_SECONDS.time():
                SET_OFF.inc(await timekeeper.tick(leader))
            LAST_TICK.set_to_current_time()
            # Whatever was said: the tick looks at everything, and a burst of notifications makes one tick.
            if await listener.next(timeout_s=every_s) is not None:
                while await listener.next(timeout_s=0.0) is not None:
                    pass


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do *work* on a task of its own as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
