"""A day's slots: instants spread evenly over its open time, told apart by their numbers."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from domain.anchored_slots import anchored
from domain.mailboxes import UNLIMITED
from domain.send_window import Span

# Half-open stretches of slot numbers, ascending and apart from each other.
Ranges = tuple[tuple[int, int], ...]
_SECOND = timedelta(seconds=1)


class SlotGrid:
    """
    The slots of one day, numbered from 0.

    *capacity* of them lie evenly over *spans*, the day's open time, but never closer than *gap*; with an
    unlimited capacity they lie *gap* apart. There are *least*, 0 or 1, even if the day is open for less.
    Where *windows* differ, *finer* times as many let the shortest of them use the whole capacity. There are
    *most* at the most, if given; where that leaves a window without a slot, one is moved into it. An email
    may leave up to *jitter* after its slot: as many percent as *jitter_percent* of what slots are farther
    apart than the gap.

    What was asked once is remembered: the days of mailboxes that are alike share one grid.
    """

    def __init__(
        self,
        spans: Sequence[Span],
        *,
        capacity: int,
        gap: timedelta,
        least: int = 0,
        finer: int = 1,
        windows: Sequence[Sequence[Span]] = (),
        most: int | None = None,
        jitter_percent: int = 0,
    ) -> None:
        self.capacity = capacity
        self._starts = [span.start for span in spans]
        self._ends = [span.end for span in spans]
        self._opens_at: list[int] = []
        self._open_s = 0
        for span in spans:
            self._opens_at.append(self._open_s)
            self._open_s += (span.end - span.start) // _SECOND
        self._gap = gap
        self._instants: dict[int, datetime] = {}
        self._near: dict[datetime, tuple[int, ...]] = {}
        # A gap that is not whole seconds counts as the next longer one that is.
        gap_s = -(-gap // _SECOND)
        spaced = max(self._open_s // gap_s, least)
        if most is not None:
            spaced = min(spaced, most)
        if capacity == UNLIMITED or capacity >= spaced:
            self.slots = spaced
        else:
            # A multiple of the capacity, so that slots stay where they are when a narrower window joins.
            self.slots = capacity * min(finer, spaced // capacity)
        # Where the slots lie that are not spread evenly.
        self._offsets: list[int] = []
        if any(theirs and not self.ranges(theirs, since=theirs[0].start) for theirs in windows):
            self._anchor(windows, gap_s)
        apart_s = self._apart_s() if jitter_percent and self.slots else 0
        self.jitter = max(0, apart_s - gap_s) * jitter_percent // 100 * _SECOND

    def _anchor(self, windows: Sequence[Sequence[Span]], gap_s: int) -> None:
        """Move slots so that each of *windows* has one."""
        inside = [
            [(self._offset(span.start), self._offset(span.end)) for span in theirs] for theirs in windows
        ]
        evenly_spread = [self._open_s * number // self.slots for number in range(self.slots)]
        self._offsets = anchored(evenly_spread, inside, gap_s=gap_s, open_s=self._open_s)
        self.slots = len(self._offsets)

    def _apart_s(self) -> int:
        """The least distance, in seconds of open time, from a slot to the next one or the day's end."""
        if not self._offsets:
            return self._open_s // self.slots
        return min(later - earlier for earlier, later in pairwise((*self._offsets, self._open_s)))

    def is_open(self, moment: datetime) -> bool:
        at = bisect_right(self._starts, moment) - 1
        return at >= 0 and moment < self._ends[at]

    def number_from(self, moment: datetime) -> int:
        """The number of the first slot at or after *moment*; the number of slots when there is none."""
        if not self._open_s:
            return 0
        offset = self._offset(moment)
        if self._offsets:
            return bisect_left(self._offsets, offset)
        return min(-(-offset * self.slots // self._open_s), self.slots)

    def _offset(self, moment: datetime) -> int:
        """How many seconds of the open time are over at *moment*, a second that has begun included."""
        at = bisect_right(self._starts, moment) - 1
        if at < 0:
            return 0
        inside = min(moment, self._ends[at]) - self._starts[at]
        return self._opens_at[at] - (-inside // _SECOND)

    def instant(self, number: int) -> datetime:
        found = self._instants.get(number)
        if found is None:
            offset = self._offsets[number] if self._offsets else self._open_s * number // self.slots
            at = bisect_right(self._opens_at, offset) - 1
            found = self._starts[at] + timedelta(seconds=offset - self._opens_at[at])
            self._instants[number] = found
        return found

    def ranges(self, spans: Iterable[Span], *, since: datetime) -> Ranges:
        """The slots inside *spans* that are not before *since*; stretches that adjoin are one."""
        joined: list[tuple[int, int]] = []
        for span in spans:
            low, high = self.number_from(max(span.start, since)), self.number_from(span.end)
            if low >= high:
                continue
            if joined and joined[-1][1] == low:
                joined[-1] = (joined[-1][0], high)
            else:
                joined.append((low, high))
        return tuple(joined)

    def near(self, moment: datetime) -> tuple[int, ...]:
        """The slots whose emails might be closer than the gap to *moment*."""
        found = self._near.get(moment)
        if found is None:
            found = self._near[moment] = tuple(self._closer_than_gap(moment))
        return found

    def _closer_than_gap(self, moment: datetime) -> range:
        if not self.slots:
            return range(0)
        before = self._gap + self.jitter
        low, high = self.number_from(moment - before), self.number_from(moment + self._gap)
        if low < high and self.instant(low) + before <= moment:
            low += 1
        return range(low, high)


def is_inside(number: int, ranges: Ranges) -> bool:
    return any(low <= number < high for low, high in ranges)


def free_count(ranges: Ranges, busy: Sequence[int]) -> int:
    """How many slots of *ranges* are not among *busy*, which is ascending."""
    count = 0
    for low, high in ranges:
        count += high - low
        if busy:
            count -= bisect_left(busy, high) - bisect_left(busy, low)
    return count


def evenly(wanted: int, available: int) -> Iterator[int]:
    """*wanted* of the numbers below *available*, as far apart as they go; the first is 0."""
    return (number * available // wanted for number in range(wanted))


def nth_free(ranges: Ranges, busy: Sequence[int], ranks: Iterable[int]) -> Iterator[int]:
    """The slots of *ranges* with these *ranks* (ascending, from 0) among those that are not *busy*."""
    remaining = iter(ranks)
    rank = next(remaining, None)
    passed = 0
    for low, high in ranges:
        start = low
        for block in [*busy[bisect_left(busy, low) : bisect_left(busy, high)], high]:
            while rank is not None and rank < passed + block - start:
                yield start + rank - passed
                rank = next(remaining, None)
            passed += block - start
            start = block + 1
