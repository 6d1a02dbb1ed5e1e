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
        # By the task that carries each out: where it stands when it is broken off.
        self._under_way: dict[asyncio.Task[object], Stage] = {}
        self._broken_off: set[asyncio.Task[object]] = set()

    async def run(self, hand_over: Callable[[], Awaitable[Handover]]) -> Handover:
        """Carry out *hand_over* unless it is broken off."""
        if self.is_stopping:
            return Handover(Stage.CONNECT, Interrupted())
        task = _this_task()
        self._under_way[task] = Stage.BODY
        try:
            return await hand_over()
        except asyncio.CancelledError:
            # Not by us, or not by us alone.
            if task not in self._broken_off or task.uncancel():
                raise
            return Handover(self._under_way[task], Interrupted())
        finally:
            del self._under_way[task]
            self._broken_off.discard(task)

    def may_pass(self) -> bool:
        """Whether the letter of the running task may pass the point of no return, which it has then."""
        if not self.is_stopping:
            self._under_way[_this_task()] = Stage.DOT
        return not self.is_stopping

    def stop(self) -> None:
        """Break off all that are before their point of no return, and let none pass it from now on."""
        self.is_stopping = True
        self._break_off(Stage.BODY)

    def give_up(self) -> None:
        """Break off the others too: whether these letters were accepted will never be known."""
        self._break_off(Stage.DOT)

    def _break_off(self, stage: Stage) -> None:
        for task, stands_at in self._under_way.items():
            if stands_at is stage and task not in self._broken_off:
                self._broken_off.add(task)
                task.cancel()


def _this_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a letter is handed over by a task")
    return task
