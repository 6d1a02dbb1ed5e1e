"""One timer for many waits that come one after the other, each with its own end."""

import asyncio
from collections.abc import Callable


class Alarm:
    """
    Rings when the time of :meth:`set` has come, unless it was set to another one since.

    A timer of the loop for each wait would be made and cancelled again nearly every time. This one is left to
    go off early, and then winds itself up anew. Belongs to one event loop.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._rings_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, rings_at: float) -> None:
        """Ring at *rings_at* of the loop's clock, and no more at the time that was set before."""
        self._rings_at = rings_at
        if self._timer is None or self._timer_at > rings_at:
            self._wind_up(rings_at)

    def stop(self) -> None:
        """Do not ring. The timer goes on, for the next time that is set."""
        self._rings_at = None

    def discard(self) -> None:
        """Do not ring, and leave no timer behind."""
        self.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wind_up(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = self._loop.call_at(at, self._go_off), at

    def _go_off(self) -> None:
        self._timer = None
        if self._rings_at is None:
            return
        if self._loop.time() < self._rings_at:
            self._wind_up(self._rings_at)
            return
        self._rings_at = None
        self._ring()
