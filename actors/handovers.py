"""Handovers under way, and how a worker that has to stop ends them: before their dot, or after waiting."""

import asyncio
from collections.abc import Awaitable, Callable

from actors.smtp import Handover, Interrupted
from domain.replies import Stage


class Handovers:
    """
    The letters that are on their way. Belongs to one event loop.

    Before its point of no return a letter can be broken off at any moment: the server keeps nothing of it.
    After it, breaking off means not to know.
    """

    def __init__(self) -> None:
        self.is_stopping = False
        # Each with whether it has passed its point of no return.
        self._under_way: dict[asyncio.Timeout, bool] = {}

    async def run(self, hand_over: Callable[[Callable[[], bool]], Awaitable[Handover]]) -> Handover:
        """
        Carry out *hand_over* unless it is broken off; it asks, before it passes the point of no return,
        whether it may.
        """
        breaking_off = asyncio.timeout(None)

        def may_pass() -> bool:
            if not self.is_stopping:
                self._under_way[breaking_off] = True
            return not self.is_stopping

        try:
            async with breaking_off:
                self._under_way[breaking_off] = False
                if self.is_stopping:
                    return Handover(Stage.CONNECT, Interrupted())
                return await hand_over(may_pass)
        except TimeoutError:
            if not breaking_off.expired():
                raise
            stage = Stage.DOT if self._under_way[breaking_off] else Stage.BODY
            return Handover(stage, Interrupted())
        finally:
            del self._under_way[breaking_off]

    def stop(self) -> None:
        """Break off all that are before their point of no return, and let none pass it from now on."""
        self.is_stopping = True
        self._break_off(past_return=False)

    def give_up(self) -> None:
        """Break off the others too: whether these letters were accepted will never be known."""
        self._break_off(past_return=True)

    def _break_off(self, *, past_return: bool) -> None:
        now = asyncio.get_running_loop().time()
        for breaking_off, has_passed in self._under_way.items():
            if has_passed is past_return and not breaking_off.expired():
                breaking_off.reschedule(now)
