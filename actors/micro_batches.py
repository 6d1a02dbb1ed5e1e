"""Micro-batches: many callers, one statement; each waits for its own answer."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class MicroBatch(Generic[Asked, Answer]):
    """
    Gathers what is submitted within *gather_s* seconds, about *most* at a time, and flushes it together.

    *flush* answers in the order that it was asked. While it runs the next group gathers, so under load the
    groups grow by themselves. When it raises, everyone in its group hears the error. What was submitted is
    flushed even when its caller waits no longer.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer]]],
        *,
        most: int = 250,
        gather_s: float = 0.01,
    ) -> None:
        self._flush = flush
        self._most = most
        self._gather_s = gather_s
        self._waiting: deque[tuple[Sequence[Asked], asyncio.Future[Sequence[Answer]]]] = deque()
        self._runner: asyncio.Task[None] | None = None

    async def submit(self, *asked: Asked) -> Sequence[Answer]:
        """The answers to *asked*, which are flushed in one group."""
        answers: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answers))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await answers

    async def _run(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(self._gather_s)
                group, size = [], 0
                while self._waiting and size < self._most:
                    group.append(self._waiting.popleft())
                    size += len(group[-1][0])
                await self._answer(group)
        finally:
            self._runner = None

    async def _answer(
        self, group: Sequence[tuple[Sequence[Asked], asyncio.Future[Sequence[Answer]]]]
    ) -> None:
        together = [each for asked, _ in group for each in asked]
        try:
            answers = await self._flush(together)
            if len(answers) != len(together):
                raise ValueError(f"{len(answers)} answers to {len(together)} that asked")
        except Exception as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        start = 0
        for asked, future in group:
            if not future.done():
                future.set_result(answers[start : start + len(asked)])
            start += len(asked)
