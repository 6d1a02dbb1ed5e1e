"""Everything in one process: API, clock and workers over a broker in memory, with the same actors."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import uvicorn

from actors.broker import install
from actors.in_process_broker import InProcessBroker, start_worker
from actors.middleware import middleware_stack
from app.business_clock import business_clock_of
from app.clock import keep_time
from app.serving import server_of, services_of
from app.settings import Settings
from app.workshop import Workshop
from persistence.database import Role, open_database


@asynccontextmanager
async def everything(settings: Settings, *, now: Callable[[], datetime]) -> AsyncIterator[uvicorn.Server]:
    """
    Run all parts until the block ends; the server is listening when it begins.

    *now* is business time for those who cannot wait for it. What the broker holds is lost at the end, and
    found again in the rows at the next start.
    """
    broker = InProcessBroker(retry_schedule=settings.retry_schedule, now=now)
    workshop = Workshop(settings, lambda: broker)
    for middleware in middleware_stack(
        at_start=workshop.open,
        at_stop=workshop.close,
        at_signal=workshop.stop,
        retry_schedule=settings.retry_schedule,
    ):
        broker.add_middleware(middleware)
    install(broker, workshop.actors)
    broker.declare_all()
    worker = await asyncio.to_thread(start_worker, broker, threads=settings.worker_threads)
    database = open_database(settings.database_url, Role.WORKER, pool_size=2)
    stop = asyncio.Event()
    clock = business_clock_of(settings, database)
    keeping_time = asyncio.create_task(
        keep_time(settings, database, clock, broker, stop=stop, on_tick=broker.release_due)
    )
    try:
        async with _serving(settings) as server:
            yield server
    finally:
        stop.set()
        await keeping_time
        await asyncio.to_thread(worker.stop)
        await database.aclose()


@asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[uvicorn.Server]:
    services = services_of(settings)
    server = server_of(settings, services)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if serving.done():
                serving.result()
                raise RuntimeError("the API did not start")
            await asyncio.sleep(0.01)
        yield server
    finally:
        server.should_exit = True
        await serving
        await services.database.aclose()


def port_of(server: uvicorn.Server) -> int:
    """The port that *server* listens on, where a free one was asked for."""
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
