"""How many operations are executed at once, and for how long."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import text
from typing_extensions import override

from api.executions import Busy, Executions
from api.limits import QueryTooExpensive
from persistence.database import Database
from tests.api.client import MakeProcess, SteppingClock

QUEUE = "{ queueStats { due } }"


class Gate:
    """Where operations stand until it is opened; how many stand there, and the most that ever did."""

    def __init__(self) -> None:
        self.standing = self.most = 0
        self._opened = asyncio.Event()

    async def pass_through(self) -> None:
        self.standing += 1
        self.most = max(self.most, self.standing)
        await self._opened.wait()
        self.standing -= 1

    def open(self) -> None:
        self._opened.set()


async def others_go_on() -> None:
    """As far as they can: nothing here waits for anything but another task."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_so_many_go_at_once_and_the_others_wait_for_them() -> None:
    """All are done in the end, never more than two at once."""
    executions, gate = Executions(at_once=2, waiting=10), Gate()

    async def execute() -> None:
        async with executions.place():
            await gate.pass_through()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(execute())
        await others_go_on()
        standing = gate.standing
        gate.open()

    assert (standing, gate.most, gate.standing) == (2, 2, 0)


async def test_a_line_that_is_too_long_takes_nobody_more() -> None:
    """Who comes then is told at once; who waits has their turn."""
    executions, gate = Executions(at_once=1, waiting=1), Gate()

    async def execute() -> None:
        async with executions.place():
            await gate.pass_through()

    async with asyncio.TaskGroup() as tasks:
        first, second = tasks.create_task(execute()), tasks.create_task(execute())
        await others_go_on()
        with pytest.raises(Busy):
            await execute()
        gate.open()
    await execute()

    assert first.done()
    assert second.done()


async def test_what_takes_too_long_is_broken_off_and_its_place_is_free() -> None:
    """Also when what it waits for would never come; a timeout of its own is its own."""
    executions = Executions(at_once=1, waiting=0, timeout_s=0.01)

    with pytest.raises(QueryTooExpensive, match=r"longer than 0\.01 seconds"):
        async with executions.place():
            await asyncio.Event().wait()
    with pytest.raises(TimeoutError):
        async with executions.place():
            raise TimeoutError

    async with executions.place():
        pass


async def test_what_is_broken_off_does_not_go_on_in_the_database(worker_db: Database) -> None:
    """Its statement is cancelled there, and its connection is good for the next one."""
    executions = Executions(timeout_s=0.1)
    running = text(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'"
    )

    with pytest.raises(QueryTooExpensive):
        async with executions.place(), worker_db.transaction() as conn:
            await conn.execute(text("SELECT pg_sleep(60)"))

    async with asyncio.timeout(30), worker_db.transaction() as conn:
        while await conn.scalar(running):
            await asyncio.sleep(0.05)


async def test_a_request_that_takes_too_long_is_answered(make_process: MakeProcess) -> None:
    """With a code; nothing of it goes on."""
    clock = _Stopped()
    process = await make_process(executions=Executions(timeout_s=0.05), clock=clock)

    refusal = await process.refusal(QUEUE)

    assert refusal == ("QUERY_TOO_EXPENSIVE", "The request took longer than 0.05 seconds and was broken off.")
    assert clock.was_cancelled


async def test_a_busy_process_says_so(make_process: MakeProcess) -> None:
    """503 with when to try again, and what waits is answered when there is room."""
    clock = _Stopped()
    process = await make_process(executions=Executions(at_once=1, waiting=0), clock=clock)
    first = asyncio.create_task(process.http.post("/graphql", json={"query": QUEUE}))
    await clock.asked.wait()

    refused = await process.http.post("/graphql", json={"query": QUEUE})
    clock.go_on.set()

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["errors"][0]["extensions"] == {"code": "SERVICE_UNAVAILABLE"}
    assert (await first).status_code == 200


class _Stopped(SteppingClock):
    """A clock that answers nobody until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()
        self.was_cancelled = False

    @override
    async def now(self) -> datetime:
        self.asked.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return await super().now()
