"""Seats: how many subscriptions one caller may have open in a process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from api.errors import ErrorCode, Refused


class NoSeat(Refused):
    def __init__(self, most: int) -> None:
        message = f"You have {most} subscriptions open, which is as many as there may be: end one of them."
        super().__init__(ErrorCode.RATE_LIMITED, message)


class Seats:
    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def take(self, caller: str) -> Iterator[None]:
        """
        Hold a seat for the block.

        Raises:
            NoSeat: The caller has all that there are for one.
        """
        if self._taken[caller] >= self._most:
            raise NoSeat(self._most)
        self._taken[caller] += 1
        try:
            yield
        finally:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]
