"""States that are read again at every change, and a database that is away waited for."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.live.changes import Changes
from domain.ids import WorkspaceId

T = TypeVar("T")
log: structlog.stdlib.BoundLogger = structlog.get_logger()

_OUTAGES = (OperationalError, InterfaceError, PoolTimeout, OSError)
_RETRY_S = 1.0


async def states(
    changes: Changes,
    workspace_id: WorkspaceId,
    read: Callable[[], Awaitable[T]],
    *,
    at_most_every: timedelta = timedelta(0),
    at_least_every: timedelta = timedelta(minutes=1),
) -> AsyncGenerator[T]:
    """What *read* answers now, and again whenever the workspace changes and it is something else."""
    async with changes.of(workspace_id) as changed:
        last: list[T] = []
        while True:
            changed.clear()
            found = await steadily(read)
            if [found] != last:
                yield found
                last = [found]
            await asyncio.sleep(at_most_every.total_seconds())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout((at_least_every - at_most_every).total_seconds()):
                    await changed.wait()


async def steadily(read: Callable[[], Awaitable[T]]) -> T:
    """What *read* answers, when the database is back."""
    while True:
        try:
            return await read()
        except _OUTAGES as outage:
            log.warning("live.delayed", cause=type(outage).__name__)
        await asyncio.sleep(_RETRY_S)
