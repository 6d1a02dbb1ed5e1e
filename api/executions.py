"""How many operations are executed at once, and for how long: the others wait, and not too many of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.errors import ErrorCode, Refused
from api.limits import QueryTooExpensive

TIMEOUT_S = 10.0


class Busy(Refused):
    def __init__(self) -> None:
        super().__init__(ErrorCode.SERVICE_UNAVAILABLE, "Too many requests wait already; try again.")
        self.headers = {"Retry-After": "1"}


class Executions:
    """
    Places for *at_once* operations, and for *waiting* more in a line.

    Many at once share the few connections of the pool and get in each other's way, so that all are slow; in
    a line each is as fast as ever when its turn comes. An operation is ended after *timeout_s* seconds.
    """

    def __init__(self, *, at_once: int = 16, waiting: int = 2000, timeout_s: float = TIMEOUT_S) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self._waiting = 0
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """
        Hold a place for the block.

        Raises:
            Busy: The line is full.
            QueryTooExpensive: The block took too long and was broken off.
        """
        await self._wait()
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            took = f"The request took longer than {self._timeout_s:g} seconds and was broken off."
            raise QueryTooExpensive(took) from None
        finally:
            self._places.release()

    async def _wait(self) -> None:
        if self._places.locked() and self._waiting >= self._most_waiting:
            raise Busy
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
