"""Places: how many emails a sender has in flight, one that has to be alone, and the end of it all."""

import asyncio


class Places:
    """*most* emails at once. Belongs to one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = asyncio.Semaphore(most)
        # In turn, or two that each want all places would wait for each other, and one for those behind it.
        self._turn = asyncio.Lock()
        self.is_closed = False

    @property
    def are_free(self) -> bool:
        """Whether nobody is in front, and who comes now does not have to wait."""
        return not (self.is_closed or self._turn.locked() or self._free.locked())

    async def take(self, *, alone: bool = False, within_s: float | None = None) -> bool:
        """
        Wait for a place, or *alone* for all of them; False when nobody is let in any more, or not *within_s*.
        """
        if self.are_free and not alone:
            return await self._free.acquire()
        try:
            async with asyncio.timeout(within_s):
                return await self._take_in_turn(self._most if alone else 1)
        except TimeoutError:
            return False

    async def _take_in_turn(self, wanted: int) -> bool:
        async with self._turn:
            taken = 0
            try:
                while taken < wanted:
                    await self._free.acquire()
                    taken += 1
                    if self.is_closed:
                        break
                else:
                    taken = 0
                    return True
            finally:
                # Closed or cancelled: what was taken so far is for the next one.
                self._release(taken)
        return False

    def give_back(self, *, alone: bool = False) -> None:
        self._release(self._most if alone else 1)

    def close(self) -> None:
        """Let nobody in any more, those least who wait: one place for all of them to find out."""
        self.is_closed = True
        self._free.release()

    def _release(self, places: int) -> None:
        for _ in range(places):
            self._free.release()
