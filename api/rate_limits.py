"""How often somebody may ask in a minute, whichever process answers; told in every answer's headers."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from time import monotonic

from api.errors import ErrorCode, Refused
from persistence.database import Database
from persistence.rate_limits import WINDOW, grant

# Requests are taken from PostgreSQL this part of the limit at a time, and spent without asking it again.
_BLOCKS = 20
# Of so many subjects a process remembers what is left; of an older one it asks again.
_REMEMBERED = 10_000


class RateLimited(Refused):
    def __init__(self, standing: "Standing") -> None:
        message = f"Too many requests: try again in {standing.ends_in_s} seconds."
        super().__init__(ErrorCode.RATE_LIMITED, message)
        self.headers = standing.headers | {"Retry-After": str(standing.ends_in_s)}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a caller's window, as far as this process knows."""

    limit: int
    window: timedelta
    left: int
    ends_in_s: int

    @property
    def headers(self) -> dict[str, str]:
        """draft-ietf-httpapi-ratelimit-headers-10."""
        return {
            "RateLimit-Policy": f'"requests";q={self.limit};w={self.window.total_seconds():.0f}',
            "RateLimit": f'"requests";r={self.left};t={self.ends_in_s}',
        }


@dataclass(slots=True)
class _Window:
    """One subject's present window: what this process may still spend, and what anyone may still take."""

    in_hand: int = 0
    left: int = 1
    ends: float = 0.0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_over(self) -> bool:
        return monotonic() >= self.ends

    @property
    def is_spent(self) -> bool:
        return not self.is_over and not self.in_hand and not self.left


class RateLimiter:
    """
    Lets each subject make *limit* requests in each *window*.

    Processes that share *database* share the counts. What a process took and does not spend is lost to the
    others until the window ends, a twentieth of the limit at most.
    """

    def __init__(self, database: Database, *, limit: int, window: timedelta = WINDOW) -> None:
        self._database = database
        self._limit = limit
        self._window = window
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    async def take(self, subject: str) -> Standing:
        """
        Count one request of *subject*.

        Raises:
            RateLimited: The window's requests are all made.
        """
        window = self._window_of(subject)
        if window.is_over or not window.in_hand:
            await self._refill(subject, window)
        if not window.in_hand:
            raise RateLimited(self._standing(window))
        window.in_hand -= 1
        return self._standing(window)

    def check(self, subject: str) -> None:
        """
        Count nothing.

        Raises:
            RateLimited: This process knows that the window's requests are all made.
        """
        window = self._windows.get(subject)
        if window is not None and window.is_spent:
            raise RateLimited(self._standing(window))

    def _window_of(self, subject: str) -> _Window:
        window = self._windows.setdefault(subject, _Window())
        self._windows.move_to_end(subject)
        if len(self._windows) > _REMEMBERED:
            self._windows.popitem(last=False)
        return window

    async def _refill(self, subject: str, window: _Window) -> None:
        async with window.asking:
            # Whoever waited for the lock may find that the one before took enough.
            if not window.is_over and (window.in_hand or not window.left):
                return
            async with self._database.transaction() as conn:
                block = max(1, self._limit // _BLOCKS)
                granted = await grant(conn, subject, limit=self._limit, at_once=block, window=self._window)
            window.in_hand = granted.requests
            window.left = granted.left
            window.ends = monotonic() + granted.ends_in.total_seconds()

    def _standing(self, window: _Window) -> Standing:
        return Standing(
            limit=self._limit,
            window=self._window,
            left=window.in_hand + window.left,
            ends_in_s=max(1, ceil(window.ends - monotonic())),
        )
