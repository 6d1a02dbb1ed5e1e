"""Spacing: instants that keep a least distance from each other."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from datetime import datetime, timedelta


class Spacing:
    """
    The *instants* at which emails leave, and the first one that is at least *gap* away from all of them.

    *freed* are those that were given back, in order: whoever looked before may find an earlier one now.
    """

    def __init__(self, gap: timedelta, instants: Iterable[datetime] = ()) -> None:
        self.gap = gap
        self.freed: list[datetime] = []
        self._instants = sorted(instants)

    def add(self, moment: datetime) -> None:
        insort(self._instants, moment)

    def remove(self, moment: datetime) -> None:
        del self._instants[bisect_left(self._instants, moment)]
        self.freed.append(moment)

    def first_free(self, since: datetime) -> datetime:
        """The first instant from *since* on that keeps the gap."""
        at = bisect_right(self._instants, since - self.gap)
        while at < len(self._instants) and self._instants[at] < since + self.gap:
            since = self._instants[at] + self.gap
            at += 1
        return since
