"""A process that claims what is due once a second, as a worker's dispatcher does, and hands it to nobody.

`python -m bench.dispatching URL BEGAN_AT` works until it is told to end by a line on its standard input. Its
business time was :data:`bench.office.SUNDAY` at *BEGAN_AT*, an instant in ISO 8601.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from dramatiq import Message

from actors.dispatcher import Dispatcher
from actors.publisher import Publisher
from bench.office import SUNDAY
from persistence.database import Role, open_database

LEASE = timedelta(hours=1)
_TICK_S = 1.0
# More than ever becomes due: nothing is sent here, so what was claimed stays queued.
_MOST_QUEUED = 100_000


class _RunningClock:
    def __init__(self, began_at: datetime) -> None:
        self._began_at = began_at

    async def now(self) -> datetime:
        return SUNDAY + (datetime.now(UTC) - self._began_at)


class _NoSenders:
    """A broker that confirms every message; nobody reads them."""

    # Any: a message may answer whatever its actor does.
    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        return message

    def depths(self) -> Mapping[str, int]:
        return {}

    def keep_alive(self) -> None: ...

    def disconnect(self) -> None: ...


async def _dispatch(url: str, began_at: datetime) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    database = open_database(url, Role.WORKER)
    publisher = Publisher(_NoSenders())
    dispatcher = Dispatcher(
        database=database,
        publisher=publisher,
        clock=_RunningClock(began_at),
        lease=LEASE,
        most_queued=_MOST_QUEUED,
    )
    told_to_end = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    try:
        while not told_to_end.done():
            await dispatcher(None)
            await asyncio.wait([told_to_end], timeout=_TICK_S)
    finally:
        await publisher.close()
        await database.aclose()


if __name__ == "__main__":
    asyncio.run(_dispatch(sys.argv[1], datetime.fromisoformat(sys.argv[2])))
