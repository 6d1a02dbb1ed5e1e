"""A server that takes its time over the final dot, and waiting until emails stand where a test wants them."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import select

from app.capture_server import CaptureServer
from persistence.tables import scheduled_emails
from tests.support.post_office import PostOffice
from tests.support.world import MONDAY


@contextmanager
def slow_server() -> Iterator[tuple[CaptureServer, threading.Event]]:
    """A server that answers no final dot before the event is set."""
    goes_on = threading.Event()

    async def clock() -> datetime:
        await asyncio.to_thread(goes_on.wait, 20)
        return MONDAY

    with CaptureServer(clock=clock) as server:
        try:
            yield server, goes_on
        finally:
            goes_on.set()


async def until_status(office: PostOffice, *statuses: str) -> None:
    """Wait until the emails that there are have *statuses*, in any order."""
    async with asyncio.timeout(10):
        while await statuses_of(office) != sorted(statuses):
            await asyncio.sleep(0.02)


async def statuses_of(office: PostOffice) -> list[str]:
    async with office.database.transaction() as conn:
        return sorted(await conn.scalars(select(scheduled_emails.c.status)))
