"""One mailbox's local day: evenly spaced slots, who holds them, and who asked for one."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.ids import EmailId, EnrollmentId, StepId
from domain.mailboxes import UNLIMITED
from domain.send_window import Span

# Half-open stretches of slot numbers: where one email may go on this day.
Ranges = tuple[tuple[int, int], ...]
# Who has a place or asks for one: a step of an enrollment, or an email outside of the plan.
Holder = tuple[EnrollmentId, StepId] | EmailId
_SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class _Held:
    instant: datetime
    blocks: tuple[int, ...]
    # Where it may shift to; empty when it must stay.
    ranges: Ranges


class MailboxDay:
    """
    The slots of one mailbox on one of its local days.

    *capacity* slots lie evenly over *spans*, the day's open time, but never closer than *gap*; with an
    unlimited capacity they lie *gap* apart. Emails ask for a slot with :meth:`reserve`; which slot each
    gets is decided for all at once by :meth:`assign`, so that any number of emails is spread evenly.
    """

    def __init__(self, *, capacity: int, gap: timedelta, spans: Sequence[Span], now: datetime) -> None:
        self.capacity = capacity
        self.gap = max(gap, _SECOND)
        self.spans = tuple(spans)
        self._opens_at: list[int] = []
        self._open_s = 0
        for span in self.spans:
            self._opens_at.append(self._open_s)
            self._open_s += _whole_seconds(span.end - span.start)
        spaced = self._open_s // _whole_seconds(self.gap)
        self.slots = spaced if capacity == UNLIMITED else min(capacity, spaced)
        self._first = self._index_from(now)
        self._holders: dict[Holder, _Held] = {}
        self._requests: dict[Holder, Ranges] = {}
        self._requested: Counter[Ranges] = Counter()
        self._blocks: Counter[int] = Counter()
        self._blocked: list[int] | None = []

    @property
    def count(self) -> int:
        """Emails on this day: those that hold a place and those that asked for one."""
        return len(self._holders) + len(self._requests)

    @property
    def is_full(self) -> bool:
        return self.capacity != UNLIMITED and self.count >= self.capacity

    @property
    def is_over(self) -> bool:
        return self.capacity != UNLIMITED and self.count > self.capacity

    def ranges_in(self, spans: Sequence[Span], not_before: datetime | None = None) -> Ranges:
        """The slots inside *spans* that are still ahead; adjoining stretches are joined."""
        joined: list[tuple[int, int]] = []
        for span in spans:
            start = span.start if not_before is None else max(span.start, not_before)
            low, high = max(self._first, self._index_from(start)), self._index_from(span.end)
            if low >= high:
                continue
            if joined and joined[-1][1] == low:
                joined[-1] = (joined[-1][0], high)
            else:
                joined.append((low, high))
        return tuple(joined)

    def hold(self, key: Holder, instant: datetime, ranges: Ranges = ()) -> None:
        """Note that *key* already has its place at *instant*; with *ranges* it may shift inside them."""
        blocks = self._slots_near(instant)
        self._holders[key] = _Held(instant, blocks, ranges)
        self._block(blocks)

    def release(self, key: Holder) -> None:
        """Give back what *key* holds or asked for."""
        if key in self._requests:
            self._requested[self._requests.pop(key)] -= 1
            return
        holder = self._holders.pop(key)
        self._blocks.subtract(holder.blocks)
        self._blocks = +self._blocks
        self._blocked = None

    def room(self, ranges: Ranges) -> int:
        """How many more emails may ask for a slot in *ranges*, if nobody shifts for them."""
        free = self._free_count(ranges) - self._requested.total()
        return free if self.capacity == UNLIMITED else min(free, self.capacity - self.count)

    def reserve(self, key: Holder, ranges: Ranges) -> bool:
        """Ask for a slot in *ranges*; False, and nothing noted, when the day has none."""
        if not ranges or self.is_full:
            return False
        total = self._requested.total() + 1
        plenty = all(
            self._free_count(asked) >= total for asked, n in self._requested.items() if n and asked != ranges
        )
        self._requests[key] = ranges
        self._requested[ranges] += 1
        if (plenty and self._free_count(ranges) >= total) or self._solve() is not None:
            return True
        self.release(key)
        return False

    def assign(self) -> dict[Holder, datetime]:
        """The instant of everyone who asked, and of holders that shift for them."""
        solved = self._solve()
        if solved is None:
            raise RuntimeError("A reservation was granted that cannot be met.")
        return {key: self._instant(index) for key, index in solved.items()}

    def holders(self) -> list[tuple[Holder, datetime]]:
        """Those that hold a place and their instants, soonest first."""
        return sorted(
            ((key, held.instant) for key, held in self._holders.items()), key=lambda entry: entry[1]
        )

    def _solve(self) -> dict[Holder, int] | None:
        """Spread the requests, the window that closes first going first; None when one stays without."""
        groups: dict[Ranges, list[Holder]] = {}
        for key, ranges in self._requests.items():
            groups.setdefault(ranges, []).append(key)
        taken: dict[int, Holder] = {}
        solved: dict[Holder, int] = {}
        for ranges, keys in sorted(groups.items(), key=lambda group: (group[0][-1][1], -group[0][0][0])):
            busy = sorted({*self._blocked_slots(), *taken}) if taken else self._blocked_slots()
            free = _free_count(ranges, busy)
            placed = min(free, len(keys))
            for key, index in zip(keys, _nth_free(ranges, busy, _evenly(placed, free)), strict=False):
                solved[key], taken[index] = index, key
            for key in keys[placed:]:
                if not self._shift_for(key, ranges, solved, taken):
                    return None
        return solved

    def _shift_for(
        self, key: Holder, ranges: Ranges, solved: dict[Holder, int], taken: dict[int, Holder]
    ) -> bool:
        """Let one with a wider window make place in *ranges* for *key*."""
        holders = {
            holder.blocks[0]: other
            for other, holder in self._holders.items()
            if other not in solved
            and holder.ranges
            and len(holder.blocks) == 1
            and self._blocks[holder.blocks[0]] == 1
        }
        left = {self._holders[other].blocks[0] for other in solved if other in self._holders}
        busy = sorted(({*self._blocked_slots()} - left) | set(taken))
        for index, other in sorted({**holders, **taken}.items()):
            if not _inside(index, ranges):
                continue
            elsewhere = self._requests.get(other) or self._holders[other].ranges
            if _free_count(elsewhere, busy):
                target = next(_nth_free(elsewhere, busy, (0,)))
                solved[other], taken[target] = target, other
                solved[key], taken[index] = index, key
                return True
        return False

    def _free_count(self, ranges: Ranges) -> int:
        return _free_count(ranges, self._blocked_slots())

    def _blocked_slots(self) -> list[int]:
        if self._blocked is None:
            self._blocked = sorted(self._blocks)
        return self._blocked

    def _block(self, slots: tuple[int, ...]) -> None:
        self._blocks.update(slots)
        self._blocked = None

    def _slots_near(self, instant: datetime) -> tuple[int, ...]:
        """The slots that an email at *instant* makes unusable: those within the gap, at least the nearest."""
        if not self.slots:
            return ()
        low, high = self._index_from(instant - self.gap + _SECOND), self._index_from(instant + self.gap)
        near = tuple(index for index in range(low, high) if abs(self._instant(index) - instant) < self.gap)
        if near:
            return near
        middle = self._index_from(instant)
        for distance in range(self.slots + 1):
            for index in (middle - distance, middle + distance):
                if 0 <= index < self.slots and index not in self._blocks:
                    return (index,)
        return ()

    def _index_from(self, moment: datetime) -> int:
        """The number of the first slot at or after *moment*; the number of slots when there is none."""
        if not self._open_s:
            return 0
        at = bisect_right(self.spans, moment, key=lambda span: span.start) - 1
        if at < 0:
            return 0
        inside = min(moment, self.spans[at].end) - self.spans[at].start
        offset = self._opens_at[at] + -(-inside // _SECOND)
        return min(-(-offset * self.slots // self._open_s), self.slots)

    def _instant(self, index: int) -> datetime:
        offset = self._open_s * index // self.slots
        at = bisect_right(self._opens_at, offset) - 1
        return self.spans[at].start + timedelta(seconds=offset - self._opens_at[at])


def _whole_seconds(length: timedelta) -> int:
    return length // _SECOND


def _inside(index: int, ranges: Ranges) -> bool:
    return any(low <= index < high for low, high in ranges)


def _free_count(ranges: Ranges, busy: list[int]) -> int:
    return sum(high - low - (bisect_left(busy, high) - bisect_left(busy, low)) for low, high in ranges)


def _evenly(wanted: int, available: int) -> Iterator[int]:
    """*wanted* of the numbers below *available*, as far apart as they go; the first is 0."""
    return (number * available // wanted for number in range(wanted))


def _nth_free(ranges: Ranges, busy: list[int], ranks: Iterator[int] | tuple[int, ...]) -> Iterator[int]:
    """The free slots with these *ranks* (ascending, from 0), without listing all the others."""
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
