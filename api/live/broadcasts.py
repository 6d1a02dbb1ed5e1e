"""Broadcasts: what many want to know of one thing is read once, and handed to each of them."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Generic, TypeVar

from api.errors import ErrorCode, Refused

T = TypeVar("T")
PATIENCE_S = 5.0


class TooSlow(Refused):
    """Somebody does not take what is sent to them as fast as it happens."""

    def __init__(self) -> None:
        message = "You take changes more slowly than they happen: go on from the last `number` that you have."
        super().__init__(ErrorCode.SERVICE_UNAVAILABLE, message)


class Member(Generic[T]):
    """
    One who hears a broadcast: iterate over it.

    Of states only the newest one waits to be taken; of other things at most *most*.
    """

    def __init__(self, *, most: int | None) -> None:
        self._most = most
        self._values: deque[T] = deque(maxlen=1 if most is None else None)
        self._is_over = False
        self._failure: Exception | None = None
        self._told = asyncio.Event()
        self._took = asyncio.Event()

    async def offer(self, value: T) -> None:
        """Wait a moment for room; who takes nothing meanwhile is given up."""
        while self._most is not None and len(self._values) >= self._most and not self._is_over:
            self._took.clear()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._took.wait()
            except TimeoutError:
                self.end(TooSlow())
        if not self._is_over:
            self.put(value)

    def put(self, value: T) -> None:
        self._values.append(value)
        self._told.set()

    def end(self, failure: Exception | None = None) -> None:
        """Nothing more comes; what waits is still taken."""
        if not self._is_over:
            self._is_over, self._failure = True, failure
            self._told.set()
            self._took.set()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while not self._values and not self._is_over:
            self._told.clear()
            await self._told.wait()
        if self._values:
            self._took.set()
            return self._values.popleft()
        if self._failure is not None:
            raise self._failure
        raise StopAsyncIteration


class _Broadcast(Generic[T]):
    def __init__(
        self, source: Callable[[], AsyncGenerator[T]], *, most: int | None, greet: Callable[[T], T]
    ) -> None:
        self.members: set[Member[T]] = set()
        self._source = source
        self._most = most
        self._greet = greet
        self._newest: list[T] = []
        self.task = asyncio.create_task(self._run())

    def member(self) -> Member[T]:
        """Whoever comes later hears at once what there was last, or what is made of it."""
        member: Member[T] = Member(most=self._most)
        for value in self._newest:
            member.put(self._greet(value))
        self.members.add(member)
        return member

    async def _run(self) -> None:
        failure = None
        try:
            async with aclosing(self._source()) as source:
                async for value in source:
                    self._newest = [value]
                    await asyncio.gather(*(member.offer(value) for member in self.members))
        except Exception as error:
            failure = error
        for member in self.members:
            member.end(failure)


class Broadcasts:
    """The broadcasts of a process, by what they are of: from their first member to their last."""

    def __init__(self) -> None:
        self._running: dict[Hashable, _Broadcast[Any]] = {}

    @asynccontextmanager
    async def join(
        self,
        key: Hashable,
        source: Callable[[], AsyncGenerator[T]],
        *,
        most: int | None = None,
        greet: Callable[[T], T] = lambda newest: newest,
    ) -> AsyncIterator[Member[T]]:
        """
        Hear what *source*, or the one that runs under *key*, yields: states, or with *most* one by one.

        *greet* makes what a later member hears first of what there was last. An error of the source is
        raised to every member.
        """
        running = self._running.get(key)
        if running is None or running.task.done():
            running = self._running[key] = _Broadcast(source, most=most, greet=greet)
        member = running.member()
        try:
            yield member
        finally:
            running.members.discard(member)
            if not running.members:
                if self._running.get(key) is running:
                    del self._running[key]
                running.task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running.task
