"""Micro-batches: many callers, one statement; each waits for its own answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class MicroBatch(Generic[Asked, Answer]):
    """
    Gathers what is submitted within *gather_s* seconds, at most *most* at a time, and flushes it together.

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
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._runner: asyncio.Task[None] | None = None

    async def submit(self, asked: Asked) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(self._gather_s)
                group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._answer(group)
        finally:
            self._runner = None

    async def _answer(self, group: Sequence[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._flush([asked for asked, _ in group])
            answered = list(zip(group, answers, strict=True))
        except Exception as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in answered:
            if not future.done():
                future.set_result(answer)
